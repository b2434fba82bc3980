"""What the store has between two moments, for a calendar: rollouts, scheduled releases, meetings, declared freezes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Engine, select

from pilotage.engine.records.rows import ACTIVE
from pilotage.engine.records.tables import freezes, rollouts
from pilotage.engine.records.tables_beside import meetings, schedules
from pilotage.model.agenda import DatedRelease
from pilotage.model.calendar import Freeze
from pilotage.model.meeting import MeetingState
from pilotage.model.status import Status


@dataclass(frozen=True)
class Moved:
    """A rollout as a calendar shows it. began, ended: Unix seconds; None while it is under way."""

    id: str
    service: str
    environment: str
    version: str
    status: Status
    began: float
    ended: float | None


def rollouts_between(engine: Engine, first: float, last: float, limit: int) -> tuple[Moved, ...]:
    """That ended in it, or are under way and started before its end; the latest first. Unix seconds."""
    ended = rollouts.c.finished_at.between(first, last)
    of = (rollouts.c[name] for name in ("id", "service", "environment", "version", "status"))
    columns = [*of, rollouts.c.started_at, rollouts.c.finished_at]
    found = list[tuple[str, str, str, str, str, float, float | None]]()
    with engine.connect() as connection:
        # Two questions, so that each finds its index.
        for which, newest in ((ended, rollouts.c.finished_at), (rollouts.c.status.in_(ACTIVE), rollouts.c.started_at)):
            query = select(*columns).where(which, rollouts.c.started_at <= last).order_by(newest.desc()).limit(limit)
            found += (tuple(row) for row in connection.execute(query))
    latest = sorted(dict.fromkeys(found), key=lambda row: -row[5])[:limit]
    return tuple(Moved(*row[:4], Status(row[4]), *row[5:]) for row in latest)


def schedules_between(engine: Engine, first: date, last: date) -> tuple[DatedRelease, ...]:
    """That nobody dropped, by day."""
    query = select(schedules.c.service, schedules.c.environment, schedules.c.version, schedules.c.release_date).where(
        schedules.c.dropped == "", schedules.c.release_date.between(first.isoformat(), last.isoformat())
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(schedules.c.release_date, schedules.c.id)).all()
    return tuple(
        DatedRelease(
            service=row.service, environment=row.environment, version=row.version,
            day=date.fromisoformat(row.release_date),
        )
        for row in rows
    )  # fmt: skip


def meetings_between(engine: Engine, first: float, last: float) -> tuple[tuple[str, str, str, str, float, int], ...]:
    """That were not cancelled: uid, service, environment, title, start in Unix seconds, minutes."""
    query = select(
        meetings.c.uid, meetings.c.service, meetings.c.environment, meetings.c.title, meetings.c.begins,
        meetings.c.minutes,
    ).where(meetings.c.begins.between(first, last), meetings.c.state != MeetingState.CANCELLED.value)  # fmt: skip
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(meetings.c.begins)).all()
    return tuple((row.uid, row.service, row.environment, row.title, row.begins, row.minutes) for row in rows)


def freezes_between(engine: Engine, first: float, last: float) -> tuple[tuple[int, str, str, Freeze], ...]:
    """That nobody lifted: number, service, environment, freeze."""
    query = select(freezes).where(freezes.c.begins <= last, freezes.c.ends > first, freezes.c.lifted_by.is_(None))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(freezes.c.begins)).mappings().all()
    return tuple(
        (
            row["id"], row["service"], row["environment"],
            Freeze(row["name"], _utc(row["begins"]), _utc(row["ends"]), f"{row['actor']}: {row['reason']}"),
        )
        for row in rows
    )  # fmt: skip


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
