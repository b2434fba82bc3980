"""Versions across environments, from the columns of rollouts: lists of releases, and all of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Engine, Select, exists, or_, select, union_all

from pilotage.engine.records.rows import summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import rollouts
from pilotage.engine.records.tables_beside import schedules
from pilotage.model.record import RolloutSummary
from pilotage.model.status import Status


@dataclass(frozen=True, kw_only=True)
class Newest:
    """rollouts: newest first · older: Unix seconds before which there may be more; None where these are all."""

    rollouts: tuple[RolloutSummary, ...]
    older: float | None


def newest_releases(engine: Engine, text: str, limit: int, before: float | None = None) -> Newest:
    """Of the newest rollouts, the last one of each version in each environment. text: part of a service's name or of a
    version; empty for all · limit: rollouts that are looked at · before: Unix seconds; only versions that had no
    rollout in the environment since then."""
    which = list[ColumnElement[bool]]()
    if text:
        part = f"%{_literally(text)}%"
        which.append(or_(rollouts.c.service.ilike(part, escape="\\"), rollouts.c.version.ilike(part, escape="\\")))
    if before is not None:
        which += [rollouts.c.created_at < before, ~_later(before)]
    with engine.connect() as connection:
        found = connection.execute(_newest(which, limit)).all()
        last = {(row.service, row.environment, row.version): row.id for row in reversed(found)}
        query = summaries().where(rollouts.c.id.in_(list(last.values())))
        rows = connection.execute(query.order_by(rollouts.c.created_at.desc())).mappings().all()
    return Newest(
        rollouts=tuple(summary(row) for row in rows), older=found[-1].created_at if len(found) == limit else None
    )


def _newest(which: Sequence[ColumnElement[bool]], limit: int) -> Select[tuple[str, str, str, str, float]]:
    """One question a status, so that an index finds the newest of each."""
    columns = (
        rollouts.c.id, rollouts.c.service, rollouts.c.environment, rollouts.c.version, rollouts.c.created_at,
    )  # fmt: skip
    of_each = [
        select(
            select(*columns).where(rollouts.c.status == status.value, *which)
            .order_by(rollouts.c.created_at.desc()).limit(limit).subquery()
        )
        for status in Status
    ]  # fmt: skip
    every = union_all(*of_each).subquery()
    return select(every).order_by(every.c.created_at.desc()).limit(limit)


def _later(before: float) -> ColumnElement[bool]:
    """Whether the version had another rollout in the environment since then."""
    other = rollouts.alias()
    return exists(
        select(other.c.id).where(
            other.c.service == rollouts.c.service, other.c.environment == rollouts.c.environment,
            other.c.version == rollouts.c.version, other.c.created_at >= before,
        )
    )  # fmt: skip


def rollouts_of(engine: Engine, service: str, version: str, limit: int) -> tuple[RolloutSummary, ...]:
    """Of a version, newest first."""
    query = summaries().where(rollouts.c.service == service, rollouts.c.version == version)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(limit)).mappings().all()
    return tuple(summary(row) for row in rows)


def days_of(engine: Engine, service: str, version: str) -> tuple[tuple[str, date], ...]:
    """Environments to which the version is scheduled, each with its day."""
    query = select(schedules.c.environment, schedules.c.release_date).where(
        schedules.c.service == service, schedules.c.version == version, schedules.c.dropped == ""
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(schedules.c.release_date)).all()
    return tuple((row.environment, date.fromisoformat(row.release_date)) for row in rows)


def _literally(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
