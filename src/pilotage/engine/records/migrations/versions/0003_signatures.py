"""Sign-offs and waivers of people."""

from alembic import op
from sqlalchemy import Column, Float, Integer, String, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "signatures",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String(64), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("version", String(128), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("item", String(64), nullable=False),
        Column("role", String(64), nullable=False),
        Column("actor", String(128), nullable=False),
        Column("comment", Text, nullable=False),
        Column("at", Float, nullable=False),
        Column("until", Float),
        Column("plan", String(64), nullable=False),
        Column("artifact", String(64), nullable=False),
    )
    op.create_index("ix_signatures_release", "signatures", ["service", "environment", "version"])
