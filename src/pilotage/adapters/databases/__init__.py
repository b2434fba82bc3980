"""Databases of a service, read and never written: replication, and migrations that are applied."""
