"""What every environment has, in a handful of queries, however many there are: the grid of services."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, Select, select

from pilotage.engine.records import environments
from pilotage.engine.records.rows import FINAL, summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import environments as places
from pilotage.engine.records.tables import rollouts
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status

_RECENT = 5
"""Rollouts of a place among which the answer nearly always is."""


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
        listed = select(places).order_by(places.c.service, places.c.environment)
        listed = listed.where(places.c.service == service) if service else listed
        rows = connection.execute(listed).mappings().all()
        newest = _newest(connection, service)
        queued = _queued(connection)
        serving = {
            (row["service"], row["environment"]): _serving(connection, row) for row in rows
        }  # fmt: skip
        # Of most places the newest rollout tells both: the others are asked for together.
        told = {place for place, one in newest.items() if _tells(one, serving.get(place, ()))}
        since, ended = _earlier(connection, [place for place in serving if place not in told], serving)
    return tuple(
        PlaceRow(
            service=place[0], environment=place[1], serving=good, newest=newest.get(place), queued=queued[place],
            since=newest[place].finished_at if place in told else since.get((*place, *good[:1])),
            ended=newest[place].finished_at if place in told else ended.get(place),
        )
        for place, good in serving.items()
    )  # fmt: skip


def _tells(newest: RolloutSummary, serving: tuple[str, ...]) -> bool:
    return newest.status is Status.COMPLETED and serving[:1] == (newest.version,)


def _newest(connection: Connection, service: str) -> Mapping[tuple[str, str], RolloutSummary]:
    query = summaries().join(
        places,
        (places.c.service == rollouts.c.service)
        & (places.c.environment == rollouts.c.environment)
        & (places.c.sequence == rollouts.c.sequence),
    )
    query = query.where(places.c.service == service) if service else query
    found = (summary(row) for row in connection.execute(query).mappings().all())
    return {(one.service, one.environment): one for one in found}


def _queued(connection: Connection) -> Counter[tuple[str, str]]:
    query = select(rollouts.c.service, rollouts.c.environment).where(rollouts.c.status == Status.QUEUED.value)
    return Counter((row.service, row.environment) for row in connection.execute(query).all())


def _serving(connection: Connection, row: RowMapping) -> tuple[str, ...]:
    if row["serving"] is not None:
        return tuple(json.loads(row["serving"]))
    return environments.serving(connection, row["service"], row["environment"])


def _earlier(
    connection: Connection, wanted: Iterable[tuple[str, str]], serving: Mapping[tuple[str, str], tuple[str, ...]]
) -> tuple[Mapping[tuple[str, ...], float], Mapping[tuple[str, ...], float]]:
    """By place and version that serves when it last completed; by place when anything last ended."""
    since: dict[tuple[str, ...], float] = {}
    ended: dict[tuple[str, ...], float] = {}
    for place in wanted:
        # A question a place, answered by the index of its newest rollouts: one for all would read every rollout of it.
        rows = connection.execute(_finished(place).limit(_RECENT)).all()
        if rows:
            ended[place] = max(row.finished_at for row in rows)
        for good in serving[place][:1]:
            completed = [row.finished_at for row in rows if (row.version, row.status) == (good, Status.COMPLETED.value)]
            completed = completed or list(connection.scalars(_completed(place, good)))
            if completed:
                since[(*place, good)] = completed[0]
    return since, ended


def _finished(place: tuple[str, str]) -> Select[tuple[str, str, float]]:
    return (
        select(rollouts.c.version, rollouts.c.status, rollouts.c.finished_at)
        .where(rollouts.c.service == place[0], rollouts.c.environment == place[1], rollouts.c.status.in_(FINAL))
        .where(rollouts.c.sequence.is_not(None), rollouts.c.finished_at.is_not(None))
        .order_by(rollouts.c.sequence.desc())
    )


def _completed(place: tuple[str, str], version: str) -> Select[tuple[float]]:
    return (
        select(rollouts.c.finished_at)
        .where(rollouts.c.service == place[0], rollouts.c.environment == place[1], rollouts.c.version == version)
        .where(rollouts.c.sequence.is_not(None), rollouts.c.status == Status.COMPLETED.value)
        .order_by(rollouts.c.sequence.desc())
        .limit(1)
    )


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
