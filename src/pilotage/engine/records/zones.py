"""The time zone of a service's calendar, as its newest rollout knew it."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from pilotage.engine.records.rows import readable
from pilotage.engine.records.tables import rollouts, snapshots
from pilotage.model.snapshot import read_snapshot


def calendar_zones(connection: Connection, services: Iterable[str]) -> dict[str, str]:
    """The calendar's zone of each service, as of its newest rollout; UTC where there was none."""
    found = {}
    for service in services:
        query = (
            select(snapshots.c.body)
            .join(rollouts, rollouts.c.snapshot == snapshots.c.hash)
            .where(rollouts.c.service == service)
            .order_by(rollouts.c.created_at.desc())
            .limit(1)
        )
        found[service] = known_zone(read_snapshot(readable(connection.scalar(query))).calendar.zone)
    return found


def known_zone(name: str) -> str:
    """The zone, or UTC where this machine knows none of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        return "UTC"
    return name
