"""The tables that migration 0007 makes, in the words of its time."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Float, ForeignKey, Integer, String, Text

ACTIVE = ("progressing", "holding", "paused", "withdrawn", "rolling-back")
STATUSES = ("queued", *ACTIVE, "completed", "rolled-back", "failed", "cancelled")
PACES = ("full", "first", "fast", "urgent")


def make_tables() -> None:
    for name in ("plans", "snapshots"):
        op.create_table(
            name,
            Column("hash", String, primary_key=True),
            Column("format", Integer, nullable=False),
            Column("body", Text, nullable=False),
        )
    op.create_table(
        "rollout",
        Column("id", String, primary_key=True),
        Column("service", String, nullable=False),
        Column("environment", String, nullable=False),
        Column("sequence", Integer),
        Column("rank", Integer, nullable=False),
        Column("version", String, nullable=False),
        Column("old", String),
        Column("status", String, nullable=False),
        Column("pace", String, nullable=False),
        Column("actor", String, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("started_at", Float),
        Column("finished_at", Float),
        Column("step", String, nullable=False),
        Column("weight", Integer, nullable=False),
        Column("reached", Integer, nullable=False),
        Column("dark", Integer, nullable=False),
        Column("preserved", Integer, nullable=False),
        Column("paged", Integer),
        Column("kind", String, nullable=False),
        Column("strategy", String, nullable=False),
        Column("plan_hash", String, ForeignKey("plans.hash", name="fk_rollout_plan"), nullable=False),
        Column("snapshot", String, ForeignKey("snapshots.hash", name="fk_rollout_snapshot"), nullable=False),
        Column("release", String),
        Column("head", String, nullable=False),
        Column("events", Integer, nullable=False),
        Column("revision", Integer, nullable=False, server_default="0"),
        Column("part", sa.JSON),
        Column("reason", Text, nullable=False),
        Column("state", Text, nullable=False),
        sa.CheckConstraint(f"status IN ({_listed(STATUSES)})", name="ck_rollout_status"),
        sa.CheckConstraint(f"pace IN ({_listed(PACES)})", name="ck_rollout_pace"),
    )
    active = sa.text(f"status IN ({_listed(ACTIVE)})")
    place = ["service", "environment"]
    op.create_index("ix_rollout_active", "rollout", place, unique=True, sqlite_where=active, postgresql_where=active)
    op.create_index("ix_rollout_sequence", "rollout", [*place, "sequence"], unique=True)
    op.create_index("ix_rollout_rank", "rollout", [*place, "rank", "created_at"])
    op.create_index("ix_rollout_status", "rollout", ["status", "created_at"])
    op.create_index("ix_rollout_finished", "rollout", ["finished_at"])
    op.create_index("ix_rollout_release", "rollout", ["release"])
    op.create_table(
        "judge_states",
        Column("rollout", String, ForeignKey("rollout.id", name="fk_judge_rollout"), primary_key=True),
        Column("revision", Integer, nullable=False),
        Column("body", Text, nullable=False),
    )
    op.create_table(
        "live_views",
        Column("rollout", String, ForeignKey("rollout.id", name="fk_live_rollout"), primary_key=True),
        Column("body", Text, nullable=False),
    )
    op.create_table(
        "environments",
        Column("service", String, primary_key=True),
        Column("environment", String, primary_key=True),
        Column("sequence", Integer, nullable=False, server_default="0"),
        Column("head", String),
        Column("home", String),
        Column("home_name", String),
        Column("heard_at", Float),
        Column("serving", Text),
    )


def refer() -> None:
    """Events and commands belong to a rollout. What belongs to none, which no Pilotage ever wrote, stays."""
    connection = op.get_bind()
    for table in ("events", "commands"):
        name = f"fk_{table}_rollout"
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (rollout) REFERENCES rollout (id) NOT VALID"
            )
            continue
        with op.batch_alter_table(table, recreate="always") as batch:
            batch.create_foreign_key(name, "rollout", ["rollout"], ["id"])


def _listed(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
