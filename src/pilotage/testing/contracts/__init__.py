"""The contract of each port as a class of tests: subclass it, and give it a fixture with your adapter."""
