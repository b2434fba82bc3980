"""Adapters of the Flags port."""
