"""Adapters that call a program: one JSON object on its standard input, one on its standard output."""
