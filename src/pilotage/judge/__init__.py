"""Judges whether the new version harms users: pure, streaming, valid whenever one looks."""
