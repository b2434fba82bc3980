"""Caches of a service: warmed before users get a new version, and measured."""
