"""Long lists in pages: what is new moves nothing on a later page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Engine, select, tuple_

from pilotage.engine.records.rows import summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import rollouts
from pilotage.model.record import RolloutSummary
from pilotage.model.status import Status

_ORDER = (rollouts.c.rank, rollouts.c.created_at, rollouts.c.id)


def rollout_page(engine: Engine, service: str, environment: str, after: str, limit: int) -> tuple[RolloutSummary, ...]:
    """Rollouts of an environment, newest first. after: id of the last one of the page before, empty for the first
    page. Raises KeyError where there is none of this id."""
    query = summaries().where(rollouts.c.service == service, rollouts.c.environment == environment)
    with engine.connect() as connection:
        if after:
            last = connection.execute(select(*_ORDER).where(rollouts.c.id == after)).first()
            if last is None:
                raise KeyError(after)
            query = query.where(tuple_(*_ORDER) < tuple_(*last))
        rows = connection.execute(query.order_by(*(one.desc() for one in _ORDER)).limit(limit)).mappings().all()
    return tuple(summary(row) for row in rows)


_BORN = (rollouts.c.created_at, rollouts.c.id)


def every_rollout(
    engine: Engine, statuses: Sequence[Status], places: Collection[tuple[str, str]] | None, after: str, limit: int
) -> tuple[RolloutSummary, ...]:
    """Rollouts in any of these statuses, the last made first. places: services and environments, None for all · after:
    as of `rollout_page`. Raises KeyError."""
    query = summaries()
    if places is not None:
        query = query.where(tuple_(rollouts.c.service, rollouts.c.environment).in_(list(places)))
    found = list[RolloutSummary]()
    with engine.connect() as connection:
        if after:
            last = connection.execute(select(*_BORN).where(rollouts.c.id == after)).first()
            if last is None:
                raise KeyError(after)
            query = query.where(tuple_(*_BORN) < tuple_(*last))
        query = query.order_by(*(one.desc() for one in _BORN)).limit(limit)
        # Each status has its index: together they would be read whole and sorted.
        for status in statuses:
            rows = connection.execute(query.where(rollouts.c.status == status.value)).mappings().all()
            found += (summary(row) for row in rows)
    return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:limit])
