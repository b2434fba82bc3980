"""The tables, as the newest migration leaves them.

Two indexes are partial; only the migrations that make them say of which rows. Repeated here, it would load what
SQLAlchemy knows of every database into each command.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from pilotage.engine.records.texts import SafeString, SafeText
from pilotage.model.rollout import Mode, Status

metadata = MetaData()


def _one_of(column: str, kinds: Iterable[StrEnum], name: str) -> CheckConstraint:
    """Only what is listed may are in the column; migrations list the same."""
    listed = ", ".join(f"'{kind.value}'" for kind in kinds)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


QUEUED_RANK = 2**31 - 1
"""After everything that has started: what waits."""

plans = Table(
    "plans",
    metadata,
    Column("hash", String, primary_key=True),
    Column("format", Integer, nullable=False),
    Column("body", Text, nullable=False),
)
"""Canonical JSON, once for all rollouts of the same plan. format: 0 where it could not be made out."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("hash", String, primary_key=True),
    Column("format", Integer, nullable=False),
    Column("body", Text, nullable=False),
)
"""The configuration of an environment as of a rollout's start, JSON."""

rollouts = Table(
    "rollout",
    metadata,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("sequence", Integer),
    Column("rank", Integer, nullable=False),
    Column("version", String, nullable=False),
    Column("old", String),
    Column("status", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("actor", SafeString, nullable=False),
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
    Column("group_id", String, index=True),
    Column("head", String, nullable=False),
    Column("events", Integer, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("part", JSON(none_as_null=True)),
    Column("reason", SafeText, nullable=False),
    Column("state", Text, nullable=False),
    _one_of("status", Status, "ck_rollout_status"),
    _one_of("mode", Mode, "ck_rollout_mode"),
    Index("ix_rollout_sequence", "service", "environment", "sequence", unique=True),
    Index("ix_rollout_active", "service", "environment", unique=True),  # of active ones only
    Index("ix_rollout_rank", "service", "environment", "rank", "created_at"),
    Index("ix_rollout_status", "status", "created_at"),
    Index("ix_rollout_finished", "finished_at"),
)
"""Small columns before large ones, so that a list reads few pages. sequence: NULL until it starts · rank: the order of
lists; its sequence, of what was cancelled that of the rollout that had started last, of what waits QUEUED_RANK · paged:
NULL where only the events know."""

judge_states = Table(
    "judge_states",
    metadata,
    Column("rollout", String, ForeignKey("rollout.id", name="fk_judge_rollout"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),
)

live_views = Table(
    "live_views",
    metadata,
    Column("rollout", String, ForeignKey("rollout.id", name="fk_live_rollout"), primary_key=True),
    Column("body", Text, nullable=False),
)

environments = Table(
    "environments",
    metadata,
    Column("service", String, primary_key=True),
    Column("environment", String, primary_key=True),
    Column("sequence", Integer, nullable=False, server_default="0"),
    Column("head", String),
    Column("home", String),
    Column("home_name", String),
    Column("heard_at", Float),
    Column("serving", Text),
)
"""One row a place. sequence: of the rollout that started last, 0 before the first · serving: the good versions, JSON,
the one that serves first; NULL where they have to be worked out from its rollouts again."""

events = Table(
    "events",
    metadata,
    Column("rollout", String, ForeignKey("rollout.id", name="fk_events_rollout"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("type", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("before", String, nullable=False),
    Column("hash", String, nullable=False),
)

heads = Table(
    "heads",
    metadata,
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
    Column("anchored", JSON, nullable=False),
    Column("open", Integer, nullable=False),
    Column("error", Text),
    Index("ix_heads_place", "service", "environment", "id"),
    Index("ix_heads_open", "id"),  # of open ones only
)
"""How far a chain was when its rollout was queued, started or ended. place: the environment's head · key, signature:
NULL until it is signed · anchored: names of the anchors that have it · open: 1 while it is to be signed or anchored."""

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rollout", String, ForeignKey("rollout.id", name="fk_commands_rollout"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("full", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("outcome", SafeText),
    Index("ix_commands_outcome", "outcome"),
)

freezes = Table(
    "freezes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("name", SafeString, nullable=False),
    Column("begins", Float, nullable=False),
    Column("ends", Float, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("lifted_by", SafeString),
)

leases = Table(
    "leases",
    metadata,
    Column("target", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("token", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
)

signatures = Table(
    "signatures",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("item", String, nullable=False),
    Column("role", String, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("comment", SafeText, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float),
    Column("plan", String, nullable=False),
    Column("artifact", String, nullable=False),
    Column("subject", String, nullable=False, server_default=""),
    Index("ix_signatures_release", "service", "environment", "version"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("section", JSON, nullable=False),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("thread", String, nullable=False),
    Column("message", JSON, nullable=False),
    Column("state", String, nullable=False),
    Column("due", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", String),
    Column("claimed_until", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("receipt", JSON),
    Column("error", Text),
    Index("ix_outbox_once", "key", "channel", unique=True),
    Index("ix_outbox_state", "state", "due"),
    Index("ix_outbox_thread", "thread", "channel"),
)

followups = Table(
    "followups",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("description", SafeText, nullable=False),
    Column("owner", SafeString, nullable=False),
    Column("due", String, nullable=False),
    Column("criterion", SafeText, nullable=False),
    Column("priority", String, nullable=False),
    Column("release", String, nullable=False),
    Column("channels", JSON, nullable=False),
    Column("created_by", SafeString, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("done_by", SafeString),
    Column("done_at", Float),
    Column("outcome", SafeText),
    Column("issue", Text),
    Column("origin", String),
    Column("figure", String),
    Index("ix_followups_service", "service", "done_at"),
    Index("ix_followups_origin", "origin", unique=True),
)
