"""Heads of chains get rows of their own, to be signed and anchored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Float, Integer, String, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "heads",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("rollout", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("sequence", Integer),
        Column("events", Integer, nullable=False),
        Column("head", String, nullable=False),
        Column("place", String, nullable=False),
        Column("at", Float, nullable=False),
        Column("key", String),
        Column("signature", String),
        Column("anchored", sa.JSON, nullable=False),
        Column("open", Integer, nullable=False),
        Column("error", Text),
    )
    op.create_index("ix_heads_place", "heads", ["service", "environment", "id"])
    still_open = sa.text("open = 1")
    op.create_index("ix_heads_open", "heads", ["id"], sqlite_where=still_open, postgresql_where=still_open)
