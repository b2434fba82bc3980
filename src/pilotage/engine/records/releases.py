"""Versions across environments, from the columns of rollouts: lists of releases, and all of one."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Engine, func, or_, select

from pilotage.engine.records.rows import summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import rollouts
from pilotage.engine.records.tables_beside import schedules
from pilotage.model.record import RolloutSummary


def newest_releases(engine: Engine, text: str, limit: int) -> tuple[RolloutSummary, ...]:
    """The last rollout of each version in each environment, newest first. text: part of a service's name or of a
    version; empty for all."""
    last = select(
        rollouts.c.service, rollouts.c.environment, rollouts.c.version, func.max(rollouts.c.created_at).label("at")
    ).group_by(rollouts.c.service, rollouts.c.environment, rollouts.c.version)
    if text:
        part = f"%{_literally(text)}%"
        last = last.where(
            or_(rollouts.c.service.ilike(part, escape="\\"), rollouts.c.version.ilike(part, escape="\\"))
        )  # fmt: skip
    newest = last.order_by(func.max(rollouts.c.created_at).desc()).limit(limit).subquery()
    query = summaries().join(
        newest,
        (newest.c.service == rollouts.c.service)
        & (newest.c.environment == rollouts.c.environment)
        & (newest.c.version == rollouts.c.version)
        & (newest.c.at == rollouts.c.created_at),
    )
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(rollouts.c.created_at.desc())).mappings().all()
    return tuple(summary(row) for row in rows)


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
