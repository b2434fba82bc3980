"""How metrics of rollouts developed."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, String, Table, Text

from pilotage.engine.records.tables import metadata

trends = Table(
    "trends",
    metadata,
    Column("rollout", String, ForeignKey("rollout.id", name="fk_trends_rollout"), primary_key=True),
    Column("began", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("body", Text, nullable=False),
)
"""How each metric of a rollout has developed. began, at: Unix seconds of the first and the last point · body: points,
JSON. For people alone: nothing decides by it, and no chain seals it."""
