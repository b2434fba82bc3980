"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

rollouts = Table(
    "rollouts",
    metadata,
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
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("release", String(40), index=True),
    Index("ix_rollouts_place", "service", "environment", "status", "created_at"),
    Index("ix_rollouts_finished", "finished_at"),
)

events = Table(
    "events",
    metadata,
    Column("rollout", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("type", String(40), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("before", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rollout", String(40), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("full", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("outcome", Text),
    Index("ix_commands_outcome", "outcome"),
)

freezes = Table(
    "freezes",
    metadata,
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

leases = Table(
    "leases",
    metadata,
    Column("target", String(160), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("token", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
)

signatures = Table(
    "signatures",
    metadata,
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
    Index("ix_signatures_release", "service", "environment", "version"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("section", JSON, nullable=False),
    Column("service", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("thread", String(200), nullable=False),
    Column("message", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", String(128)),
    Column("claimed_until", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("receipt", JSON),
    Column("error", Text),
    Index("ix_outbox_once", "key", "channel", unique=True),
    Index("ix_outbox_state", "state", "due"),
    Index("ix_outbox_thread", "thread", "channel"),
)

announcements = Table(
    "announcements",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("version", String(128), nullable=False),
    Column("item", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("audience", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("text", Text),
    Column("due", Float),
    Column("channels", JSON, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_announcements_item", "service", "environment", "version", "item", unique=True),
    Index("ix_announcements_due", "state", "due"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("due", String(10), nullable=False),
    Column("criterion", Text, nullable=False),
    Column("priority", String(16), nullable=False),
    Column("release", String(200), nullable=False),
    Column("channels", JSON, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("done_by", String(128)),
    Column("done_at", Float),
    Column("outcome", Text),
    Column("issue", Text),
    Index("ix_actions_service", "service", "done_at"),
)
