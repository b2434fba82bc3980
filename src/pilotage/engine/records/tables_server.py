"""Tables of the server: requests that are carried out once, and the order of events for streams."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Integer, String, Table, Text

from pilotage.engine.records.tables import metadata

answers_once = Table(
    "answers_once",
    metadata,
    Column("who", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("request", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("by", String, nullable=False),
    Column("until", Float, nullable=False),
    Column("acted", Integer, nullable=False, server_default="0"),
    Column("made", JSON(none_as_null=True)),
    Column("status", Integer),
    Column("headers", JSON(none_as_null=True)),
    Column("body", Text),
    Index("ix_answers_once_at", "at"),
)
"""Answers to requests with an Idempotency-Key, for 24 hours. request: SHA-256 of method, path and body · by: the server
process that works on it · until: it has to say by then that it still does · acted: transactions that it has committed ·
made: the rollouts and commands in them, as pairs of kind and id · status: NULL until there is an answer."""

feed = Table(
    "feed",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("of", String, nullable=False),
    Column("number", Integer, nullable=False),
    Index("ix_feed_once", "kind", "of", "number", unique=True),
)
"""Events of all rollouts and ways in one order, which `feed.py` gives them. position: from 1, without gaps · kind:
`rollout` or `way` · of, number: which event."""

feed_heads = Table(
    "feed_heads",
    metadata,
    Column("kind", String, primary_key=True),
    Column("of", String, primary_key=True),
    Column("events", Integer, nullable=False),
)
"""How many events of each rollout and way have a position."""
