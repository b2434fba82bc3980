"""Queries over all services at once: what ended lately, and what people have to do soon. Each reads a bounded number of
rows, however many rollouts there ever were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Engine, or_, select

from pilotage.engine.records.rows import summary, whole
from pilotage.engine.records.statements import summaries, wholes
from pilotage.engine.records.tables import environments, followups, rollouts
from pilotage.engine.records.tables_beside import activities, schedules
from pilotage.model.record import Rollout, RolloutSummary, Unreadable
from pilotage.model.status import Status


@dataclass(frozen=True, kw_only=True)
class Errand:
    """An activity of a tracked release that somebody has to finish. due: ISO day · owner: role."""

    service: str
    environment: str
    version: str
    item: str
    title: str
    due: str
    owner: str
    assignee: str


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A tracked release. day: ISO day on which everyone has it."""

    service: str
    environment: str
    version: str
    day: str


@dataclass(frozen=True, kw_only=True)
class OpenAction:
    """A follow-up action. due: ISO day."""

    number: int
    service: str
    description: str
    due: str


def ended_lately(
    engine: Engine, statuses: Sequence[Status], limit: int, services: Sequence[str] | None = None
) -> tuple[RolloutSummary, ...]:
    """Newest first. services: only of these; None for all."""
    found: list[RolloutSummary] = []
    with engine.connect() as connection:
        for status in statuses:  # one question each, so that an index finds it
            query = summaries().where(rollouts.c.status == status.value)
            query = query if services is None else query.where(rollouts.c.service.in_(services))
            rows = connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(limit)).mappings()
            found += map(summary, rows)
    return tuple(sorted(found, key=lambda one: -(one.finished_at or one.created_at))[:limit])


def whole_ones(engine: Engine, identities: Sequence[str]) -> tuple[Rollout, ...]:
    """Those of these rollouts that this version can read."""
    if not identities:
        return ()
    with engine.connect() as connection:
        rows = connection.execute(wholes().where(rollouts.c.id.in_(identities))).mappings().all()
    found = []
    for row in rows:
        with suppress(Unreadable):
            found.append(whole(row))
    return tuple(found)


def errands(engine: Engine, names: Iterable[str], roles: Iterable[str], until: str, limit: int) -> tuple[Errand, ...]:
    """Open activities that are due by then, of somebody with these names, or of nobody yet and with one of these
    roles; the most urgent first. until: ISO day."""
    mine = or_(
        activities.c.assignee.in_(list(names)),
        (activities.c.assignee == "") & activities.c.owner.in_(list(roles)),
    )
    query = (
        select(schedules.c.service, schedules.c.environment, schedules.c.version, activities)
        .join(activities, activities.c.schedule == schedules.c.id)
        .where(activities.c.state == "open", activities.c.due <= until, activities.c.milestone == 0)
        .where(schedules.c.dropped == "", mine)
        .order_by(activities.c.due, activities.c.id)
        .limit(limit)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(Errand(**{name: row[name] for name in Errand.__dataclass_fields__}) for row in rows)


def dated(engine: Engine, first: str, last: str, limit: int) -> tuple[Dated, ...]:
    """Tracked releases of these days, by day. first, last: ISO days, both included."""
    query = (
        select(schedules.c.service, schedules.c.environment, schedules.c.version, schedules.c.release_date)
        .where(schedules.c.dropped == "", schedules.c.release_date >= first, schedules.c.release_date <= last)
        .order_by(schedules.c.release_date, schedules.c.id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return tuple(
            Dated(service=row.service, environment=row.environment, version=row.version, day=row.release_date)
            for row in connection.execute(query)
        )


def open_actions(engine: Engine, names: Iterable[str], limit: int) -> tuple[OpenAction, ...]:
    """Follow-up actions that these names own, the most urgent first."""
    query = (
        select(followups.c.id, followups.c.service, followups.c.description, followups.c.due)
        .where(followups.c.done_at.is_(None), followups.c.owner.in_(list(names)))
        .order_by(followups.c.due, followups.c.id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return tuple(
            OpenAction(number=row.id, service=row.service, description=row.description, due=row.due)
            for row in connection.execute(query)
        )


def places(engine: Engine) -> tuple[tuple[str, str], ...]:
    """Service and environment of everything that ever had a rollout."""
    query = select(environments.c.service, environments.c.environment)
    with engine.connect() as connection:
        return tuple((row.service, row.environment) for row in connection.execute(query))
