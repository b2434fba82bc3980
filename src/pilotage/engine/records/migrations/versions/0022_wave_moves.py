"""Wishes of tenants for another wave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "wave_moves",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("environment", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("wave", sa.String, nullable=False),
        sa.Column("until", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_wave_moves_place", "wave_moves", ["service", "environment"])
