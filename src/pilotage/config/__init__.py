"""Reads `pilotage.yaml` into models, with errors that say file, line, column, what is wrong and what would be right."""
