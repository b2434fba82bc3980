"""What became of releases whose risk was forecast."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, String, Table

from pilotage.engine.records.tables import metadata
from pilotage.engine.records.texts import SafeText

outcomes = Table(
    "outcomes",
    metadata,
    Column("rollout", String, ForeignKey("rollout.id", name="fk_outcomes_rollout"), primary_key=True),
    Column("fate", String, nullable=False),
    Column("why", SafeText, nullable=False),
    Column("at", Float, nullable=False),
)
"""One row a release whose time is over, under the rollout that
`Forecast` names. The forecast itself is in that rollout's plan. at:
Unix seconds, when it was looked at; what is unknown is looked at again."""
