"""Tables beside the rollouts', each for one thing that people and the world say about releases."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from pilotage.engine.records.tables import metadata
from pilotage.engine.records.texts import SafeString, SafeText

announcements = Table(
    "announcements",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", String, nullable=False),
    Column("item", String, nullable=False),
    Column("state", String, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("audience", String, nullable=False),
    Column("owner", SafeString, nullable=False),
    Column("text", SafeText),
    Column("due", Float),
    Column("channels", JSON, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("at", Float, nullable=False),
    Column("after", String, nullable=False, server_default=""),
    Column("lead", Integer),
    Column("unit", String, nullable=False, server_default=""),
    Column("day", String),
    Column("happened_at", Float),
    Column("not_before", Float),
    Column("own", Integer, nullable=False, server_default="1"),
    Column("issue", Integer, nullable=False, server_default="1"),
    Column("message", JSON(none_as_null=True)),
    Index("ix_announcements_item", "service", "environment", "version", "item", unique=True),
    Index("ix_announcements_due", "state", "due"),
)
"""One row an item that somebody tracks or touched. after: the moment it waits for · lead, unit: how long after that
moment it is due; NULL where the calendar names a day · day: the release date that it speaks of, ISO · happened_at: when
its moment came · own: 1 where a person wrote the text · issue: how often it is told, from 1 · message: what goes out
once it may, without its text where that is written then; NULL where nobody asked for it."""

reports = Table(
    "reports",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("kind", String, nullable=False),
    Column("source", String, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("request", SafeString, nullable=False),
    Column("rating", Integer),
    Column("answers", JSON, nullable=False),
    Column("sender", String),
    Column("once", String),
    Column("at", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("decided_by", SafeString, nullable=False),
    Column("decided_at", Float),
    Column("reason", SafeText, nullable=False),
    Index("ix_reports_once", "once", unique=True),
    Index("ix_reports_decided", "decided_at"),
    Index("ix_reports_place", "service", "environment", "kind", "version", "at"),
)
"""What users say. version: empty where nobody named one · sender: salted hash of an address, NULL where each counts ·
once: the same for what counts once; NULL for what always counts."""

salts = Table(
    "salts",
    metadata,
    Column("day", String, primary_key=True),
    Column("salt", String, nullable=False),
)
"""Of hashed addresses; only today's is kept."""

readings = Table(
    "readings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("name", String, nullable=False),
    Column("day", String, nullable=False),
    Column("value", Float, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_readings_once", "service", "environment", "name", "version", "day", unique=True),
)
"""Figures of a readiness check, such as open findings: the last of each day and version."""

schedules = Table(
    "schedules",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("release_date", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("emergency", Integer, nullable=False),
    Column("phases", JSON, nullable=False),
    Column("channels", JSON, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("at", Float, nullable=False),
    Column("dropped", SafeText, nullable=False),
    Index("ix_schedules_release", "service", "environment", "version", unique=True),
)
"""Dated releases whose phases are tracked. release_date: ISO day · emergency: 0 or 1 · dropped: why it is not tracked
any more, or empty."""

activities = Table(
    "activities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("schedule", Integer, ForeignKey("schedules.id", name="fk_activities_schedule"), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("item", String, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("phase", String, nullable=False),
    Column("milestone", Integer, nullable=False),
    Column("owner", String, nullable=False),
    Column("gates", JSON, nullable=False),
    Column("due", String, nullable=False),
    Column("assignee", SafeString, nullable=False),
    Column("state", String, nullable=False),
    Column("met_by", String, nullable=False),
    Column("note", SafeText, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_activities_item", "schedule", "item", unique=True),
    Index("ix_activities_due", "state", "due"),
)
"""Activities and milestones of a schedule. rank: their order · milestone: 0 or 1 · due: ISO day · at: Unix seconds of
the last change, 0 before one."""


meetings = Table(
    "meetings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("begins", Float, nullable=False),
    Column("planned", Float, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("location", SafeText, nullable=False),
    Column("organizer", SafeString, nullable=False),
    Column("guests", JSON, nullable=False),
    Column("channels", JSON, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attended", JSON, nullable=False),
    Column("absent", JSON, nullable=False),
    Column("record", SafeText, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_meetings_uid", "uid", unique=True),
    Index("ix_meetings_service", "service", "begins"),
)
"""Meetings about releases. begins: now · planned: as the plan wants it · channels: through which people are invited ·
record: the minutes."""

publications = Table(
    "publications",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rollout", String, nullable=False),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("place", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("state", String, nullable=False),
    Column("due", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("address", SafeText, nullable=False),
    Column("error", SafeText, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_publications_once", "rollout", "place", "stage", unique=True),
    Index("ix_publications_due", "state", "due"),
)
"""Release notes that are or will be published. place: folder, page or release · stage: first, or amended later."""

outreach_answers = Table(
    "outreach_answers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("account", SafeString, nullable=False),
    Column("words", SafeText, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_outreach_answers_once", "service", "environment", "version", "account", unique=True),
)
"""What key accounts answered to the message about a release."""

ways = Table(
    "ways",
    metadata,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("version", SafeString, nullable=False),
    Column("status", String, nullable=False),
    Column("author", SafeString, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("channels", JSON, nullable=False),
    Column("place", String, nullable=False),
    Column("place_name", SafeText, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("head", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Index("ix_ways_service", "service", "created_at"),
    Index("ix_ways_open", "finished_at"),
)
"""Ways of releases. body: the way, JSON · state: how far it is, JSON · channels: who is told · place: of the worker
that takes it along, where its runs are · revision: grows with every change · events, head: of its chain."""

way_events = Table(
    "way_events",
    metadata,
    Column("way", String, ForeignKey("ways.id", name="fk_way_events_way"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("type", String, nullable=False),
    Column("sentence", SafeText, nullable=False),
    Column("data", JSON, nullable=False),
    Column("before", String, nullable=False),
    Column("hash", String, nullable=False),
)
"""The chain of a way's events: each carries the hash of the one before, the first that of the way's body."""

way_commands = Table(
    "way_commands",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("way", String, ForeignKey("ways.id", name="fk_way_commands_way"), nullable=False),
    Column("kind", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("at", Float, nullable=False),
    Column("outcome", SafeText),
    Index("ix_way_commands_way", "way", "outcome"),
)
"""What people ask of a way. stage: that they saw; empty for the current one · outcome: NULL until it is answered."""

boardings = Table(
    "boardings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("train", String, nullable=False),
    Column("commit", String, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("role", SafeString, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_boardings_once", "service", "train", "commit", unique=True),
)
"""Changes that boarded a train after its cut-off. train: the ISO day of its rule · commit: full id · role: in which the
actor decided; empty where nobody has roles."""

wave_moves = Table(
    "wave_moves",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("service", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("tenant", SafeString, nullable=False),
    Column("wave", String, nullable=False),
    Column("until", String, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("actor", SafeString, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_wave_moves_place", "service", "environment"),
)
"""Wishes of tenants to get releases in another wave. until: the last day on which one holds, ISO."""
