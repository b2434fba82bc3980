"""Readers of findings: one file for each kind of tool, each from plain JSON to issues."""
