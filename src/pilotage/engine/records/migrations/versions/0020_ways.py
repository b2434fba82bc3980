"""Ways of releases, their events, and what people ask of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "ways",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("channels", sa.JSON, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("place_name", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("head", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
    )
    op.create_index("ix_ways_service", "ways", ["service", "created_at"])
    op.create_index("ix_ways_open", "ways", ["finished_at"])
    op.create_table(
        "way_events",
        sa.Column("way", sa.String, sa.ForeignKey("ways.id", name="fk_way_events_way"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("before", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.create_table(
        "way_commands",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("way", sa.String, sa.ForeignKey("ways.id", name="fk_way_commands_way"), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("outcome", sa.Text),
    )
    op.create_index("ix_way_commands_way", "way_commands", ["way", "outcome"])
