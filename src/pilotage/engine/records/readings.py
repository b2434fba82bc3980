"""Stored figures of readiness checks, such as how many findings were open: the last of each day and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, insert, select

from pilotage.engine.records.tables_beside import readings


@dataclass(frozen=True, kw_only=True)
class KeptReading:
    """name: of the readiness item · at: Unix seconds."""

    version: str
    name: str
    value: float
    at: float


def keep(engine: Engine, place: tuple[str, str], version: str, found: Mapping[str, float], now: float) -> None:
    """place: service and environment · found: by readiness item."""
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    with engine.begin() as connection:
        for name, value in found.items():
            same = {"service": place[0], "environment": place[1], "version": version, "name": name, "day": day}
            mine = [readings.c[column] == wanted for column, wanted in same.items()]
            connection.execute(delete(readings).where(*mine))
            connection.execute(insert(readings).values(**same, value=value, at=now))


def kept(engine: Engine, place: tuple[str, str], name: str, until: float) -> tuple[KeptReading, ...]:
    """Oldest first. until: Unix seconds."""
    query = select(readings).where(
        readings.c.service == place[0], readings.c.environment == place[1], readings.c.name == name,
        readings.c.at < until,
    )  # fmt: skip
    with engine.connect() as connection:
        return tuple(
            KeptReading(version=row["version"], name=row["name"], value=row["value"], at=row["at"])
            for row in connection.execute(query.order_by(readings.c.at)).mappings()
        )
