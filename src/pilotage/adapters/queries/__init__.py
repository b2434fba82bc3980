"""What answers queries of rules and signals: one module for each system."""
