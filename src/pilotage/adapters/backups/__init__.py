"""Backups of databases: made, tried out in a scratch database, restored."""
