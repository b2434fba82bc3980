"""The first tables: rollouts, their events, commands and leases."""

from alembic import op
from sqlalchemy import JSON, Column, Float, Integer, String, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "rollouts",
        Column("id", String(40), primary_key=True),
        Column("service", String(64), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("version", String(128), nullable=False),
        Column("old", String(128)),
        Column("status", String(16), nullable=False, index=True),
        Column("actor", String(128), nullable=False),
        Column("created_at", Float, nullable=False),
        Column("finished_at", Float),
        Column("plan", Text, nullable=False),
        Column("plan_hash", String(64), nullable=False),
        Column("target", JSON, nullable=False),
        Column("state", JSON, nullable=False),
        Column("judge", JSON),
        Column("live", JSON),
        Column("head", String(64), nullable=False),
        Column("events", Integer, nullable=False),
    )
    op.create_table(
        "events",
        Column("rollout", String(40), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("at", Float, nullable=False),
        Column("type", String(40), nullable=False),
        Column("sentence", Text, nullable=False),
        Column("data", JSON, nullable=False),
        Column("before", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
    )
    op.create_table(
        "commands",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("rollout", String(40), nullable=False, index=True),
        Column("kind", String(16), nullable=False),
        Column("actor", String(128), nullable=False),
        Column("reason", Text, nullable=False),
        Column("full", Integer, nullable=False),
        Column("at", Float, nullable=False),
        Column("outcome", Text),
    )
    op.create_table(
        "leases",
        Column("target", String(160), primary_key=True),
        Column("holder", String(128), nullable=False),
        Column("token", Integer, nullable=False),
        Column("expires_at", Float, nullable=False),
    )
