"""What was seen of services day by day, which the public status page shows."""

from __future__ import annotations

from sqlalchemy import Column, Float, String, Table

from pilotage.engine.records.tables import metadata

seen_days = Table(
    "seen_days",
    metadata,
    Column("service", String, primary_key=True),
    Column("environment", String, primary_key=True),
    Column("day", String, primary_key=True),
    Column("good", Float, nullable=False, server_default="0"),
    Column("degraded", Float, nullable=False, server_default="0"),
    Column("down", Float, nullable=False, server_default="0"),
    Column("closed", Float, nullable=False, server_default="0"),
    Column("until", Float, nullable=False),
)
"""day: in UTC, ISO · good, degraded, down, closed: seconds · until: of the last look that is counted, Unix seconds."""
