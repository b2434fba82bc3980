"""Receivers for tests, one module for each service, as strict as what they stand for."""
