"""Long lists in pages: what is new moves nothing on a later page."""

from __future__ import annotations

from sqlalchemy import Engine, select, tuple_

from pilotage.engine.records.rows import summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import rollouts
from pilotage.model.record import RolloutSummary

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
