"""What every environment has, in a handful of queries, however many there are: the grid of services."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    ScalarSelect,
    Select,
    String,
    column,
    func,
    literal,
    select,
    values,
)

from pilotage.engine.records import environments
from pilotage.engine.records.rows import FINAL, summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import environments as places
from pilotage.engine.records.tables import rollouts
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status

_AT_ONCE = 500
"""Places in one question."""

_T = TypeVar("_T")
_At: TypeAlias = tuple[str, str]
"""Service and environment."""


@dataclass(frozen=True, kw_only=True)
class PlaceRow:
    """One environment. serving: good versions, the one that serves first · since: Unix seconds at which that one had
    all users, None where no rollout says so · newest: the rollout that started last · ended: when the last one ended ·
    queued: how many wait."""

    service: str
    environment: str
    serving: tuple[str, ...]
    since: float | None
    newest: RolloutSummary | None
    ended: float | None
    queued: int


def every_place(engine: Engine, service: str = "") -> tuple[PlaceRow, ...]:
    """All that are known to the store, or those of one service, by name."""
    with engine.connect() as connection:
        rows = connection.execute(_known(service)).mappings().all()
        newest = _newest(connection, service)
        queued = _queued(connection)
        serving = {(row["service"], row["environment"]): _serving(connection, row) for row in rows}
        since = _since(connection, rows, serving)
    return tuple(
        PlaceRow(
            service=place[0], environment=place[1], serving=serving[place], newest=newest.get(place),
            since=since.get(place), ended=row["ended"], queued=queued[place],
        )
        for place, row in zip(serving, rows, strict=True)
    )  # fmt: skip


def _known(service: str) -> Select[*tuple[object, ...]]:
    """Rows of environments, each with when what serves it completed last, and when anything ended last."""
    completed = rollouts.c.status == Status.COMPLETED.value
    first = literal('["') + rollouts.c.version + literal('"')
    serves = func.substr(places.c.serving, 1, func.length(rollouts.c.version) + 3) == first
    ended = _last(rollouts.c.finished_at, rollouts.c.status.in_(FINAL), rollouts.c.finished_at.is_not(None))
    query = select(
        places.c.service, places.c.environment, places.c.serving, ended.label("ended"),
        _last(rollouts.c.finished_at, completed, serves).label("since"),
    )  # fmt: skip
    query = query.where(places.c.service == service) if service else query
    return query.order_by(places.c.service, places.c.environment)


def _last(column: Column[_T], *which: ColumnElement[bool]) -> ScalarSelect[_T]:
    """Of the rollout that started last of these in a place; the index of sequences finds it."""
    return (
        select(column)
        .where(rollouts.c.service == places.c.service, rollouts.c.environment == places.c.environment)
        .where(rollouts.c.sequence.is_not(None), *which)
        .order_by(rollouts.c.sequence.desc())
        .limit(1)
        .correlate(places)
        .scalar_subquery()
    )


def _since(
    connection: Connection, rows: Sequence[RowMapping], serving: Mapping[_At, tuple[str, ...]]
) -> Mapping[_At, float]:
    """When what serves first had last completed, by place."""
    found = {place: row["since"] for place, row in zip(serving, rows, strict=True) if row["since"] is not None}
    other = [(*place, good[0]) for place, good in serving.items() if good and place not in found]
    for first in range(0, len(other), _AT_ONCE):
        found |= _completed(connection, other[first : first + _AT_ONCE])
    return found


def _completed(connection: Connection, wanted: Sequence[tuple[str, str, str]]) -> Mapping[_At, float]:
    """Of places whose row does not tell what serves, or writes its version in another way."""
    named = values(column("service", String), column("environment", String), column("version", String), name="wanted")
    listed = named.data(wanted).cte("wanted")
    last = (
        select(rollouts.c.finished_at)
        .where(rollouts.c.service == listed.c.service, rollouts.c.environment == listed.c.environment)
        .where(rollouts.c.version == listed.c.version, rollouts.c.status == Status.COMPLETED.value)
        .where(rollouts.c.sequence.is_not(None))
        .order_by(rollouts.c.sequence.desc())
        .limit(1)
        .correlate(listed)
        .scalar_subquery()
    )
    query = select(listed.c.service, listed.c.environment, last.label("at"))
    return {(row.service, row.environment): row.at for row in connection.execute(query) if row.at is not None}


def _newest(connection: Connection, service: str) -> Mapping[tuple[str, str], RolloutSummary]:
    """An outer join, because SQLite then looks each place up; of an inner one it reads every rollout there ever was."""
    there = places.outerjoin(
        rollouts,
        (places.c.service == rollouts.c.service)
        & (places.c.environment == rollouts.c.environment)
        & (places.c.sequence == rollouts.c.sequence),
    )
    query = summaries().select_from(there)
    query = query.where(places.c.service == service) if service else query
    rows = connection.execute(query).mappings().all()
    found = (summary(row) for row in rows if row["id"] is not None)
    return {(one.service, one.environment): one for one in found}


def _queued(connection: Connection) -> Counter[tuple[str, str]]:
    query = select(rollouts.c.service, rollouts.c.environment).where(rollouts.c.status == Status.QUEUED.value)
    return Counter((row.service, row.environment) for row in connection.execute(query).all())


def _serving(connection: Connection, row: RowMapping) -> tuple[str, ...]:
    if row["serving"] is not None:
        return tuple(json.loads(row["serving"]))
    return environments.serving(connection, row["service"], row["environment"])


def history_page(
    engine: Engine, service: str, environment: str, offset: int, limit: int
) -> tuple[RolloutSummary, ...]:  # fmt: skip
    """Rollouts of an environment, or of all where none is named, newest first."""
    query = summaries().where(rollouts.c.service == service)
    if environment:
        query = query.where(rollouts.c.environment == environment)
        query = query.order_by(rollouts.c.rank.desc(), rollouts.c.created_at.desc())
    else:
        query = query.order_by(rollouts.c.created_at.desc(), rollouts.c.id)
    with engine.connect() as connection:
        rows = connection.execute(query.offset(offset).limit(limit)).mappings().all()
    return tuple(summary(row) for row in rows)
