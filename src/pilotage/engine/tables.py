"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Dialect, Float, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

from pilotage.model.text import clean

metadata = MetaData()


class Said(TypeDecorator[str]):
    """A name that somebody gave: kept as text, without what a terminal would obey or a database would choke on."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else clean(value)


class Words(Said):
    """Sentences that somebody wrote."""

    impl = Text
    cache_ok = True


rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", String, nullable=False),
    Column("old", String),
    Column("status", String, nullable=False, index=True),
    Column("actor", Said, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("plan", Text, nullable=False),
    Column("plan_hash", String, nullable=False),
    Column("target", JSON, nullable=False),
    Column("state", JSON, nullable=False),
    Column("judge", JSON),
    Column("live", JSON),
    Column("head", String, nullable=False),
    Column("events", Integer, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("release", String, index=True),
    Index("ix_rollouts_place", "service", "environment", "status", "created_at"),
    Index("ix_rollouts_finished", "finished_at"),
)

events = Table(
    "events",
    metadata,
    Column("rollout", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("type", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("before", String, nullable=False),
    Column("hash", String, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rollout", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("actor", Said, nullable=False),
    Column("reason", Words, nullable=False),
    Column("full", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("outcome", Words),
    Index("ix_commands_outcome", "outcome"),
)

freezes = Table(
    "freezes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("name", Said, nullable=False),
    Column("begins", Float, nullable=False),
    Column("ends", Float, nullable=False),
    Column("actor", Said, nullable=False),
    Column("reason", Words, nullable=False),
    Column("lifted_by", Said),
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
    Column("actor", Said, nullable=False),
    Column("comment", Words, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float),
    Column("plan", String, nullable=False),
    Column("artifact", String, nullable=False),
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

announcements = Table(
    "announcements",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", String, nullable=False),
    Column("item", String, nullable=False),
    Column("state", String, nullable=False),
    Column("title", Words, nullable=False),
    Column("audience", String, nullable=False),
    Column("owner", Said, nullable=False),
    Column("text", Words),
    Column("due", Float),
    Column("channels", JSON, nullable=False),
    Column("actor", Said, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_announcements_item", "service", "environment", "version", "item", unique=True),
    Index("ix_announcements_due", "state", "due"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("description", Words, nullable=False),
    Column("owner", Said, nullable=False),
    Column("due", String, nullable=False),
    Column("criterion", Words, nullable=False),
    Column("priority", String, nullable=False),
    Column("release", String, nullable=False),
    Column("channels", JSON, nullable=False),
    Column("created_by", Said, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("done_by", Said),
    Column("done_at", Float),
    Column("outcome", Words),
    Column("issue", Text),
    Index("ix_actions_service", "service", "done_at"),
)
