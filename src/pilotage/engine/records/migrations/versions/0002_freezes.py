"""Freezes declared by people; the revision by which a worker notices that another one has gone on; the release
that a rollout is part of; indexes."""

from alembic import op
from sqlalchemy import Column, Float, Integer, String, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("rollouts", Column("revision", Integer, nullable=False, server_default="0"))
    op.add_column("rollouts", Column("release", String(40)))
    op.create_index("ix_rollouts_release", "rollouts", ["release"])
    op.create_index("ix_rollouts_place", "rollouts", ["service", "environment", "status", "created_at"])
    op.create_table(
        "freezes",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("service", String(64), nullable=False),
        Column("environment", String(64), nullable=False),
        Column("name", String(128), nullable=False),
        Column("begins", Float, nullable=False),
        Column("ends", Float, nullable=False),
        Column("actor", String(128), nullable=False),
        Column("reason", Text, nullable=False),
        Column("lifted_by", String(128)),
    )
