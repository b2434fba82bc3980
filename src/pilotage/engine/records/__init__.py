"""The store: rollouts and all that belongs to them, in SQLite or PostgreSQL."""
