"""All events of rollouts and ways in one order, for clients that follow everything and come back after a break.

Workers record events per rollout, in many transactions at once; a number that they took would appear out of turn. So
readers give the positions: whoever follows looks for events without one, under a lock that only followers take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Column, Connection, Engine, RowMapping, Select, Table, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.rows import ACTIVE
from pilotage.engine.records.tables import events, rollouts
from pilotage.engine.records.tables_beside import way_events, ways
from pilotage.engine.records.tables_server import feed, feed_heads
from pilotage.model.json import JsonObject

KEPT = 20_000
"""Positions after which a client that comes back has to read everything again."""

AT_ONCE = 500
"""Events that are read at once."""

_NEWEST = "newest"

_Place: TypeAlias = tuple[str, Table, Column[str], Table, Column[str]]

_SOURCES: tuple[_Place, ...] = (
    ("rollout", rollouts, rollouts.c.id, events, events.c.rollout),
    ("way", ways, ways.c.id, way_events, way_events.c.way),
)


@dataclass(frozen=True, kw_only=True)
class Fed:
    """kind: `rollout` or `way` · of: its id · number: of the event there · environment: empty for a way."""

    position: int
    kind: str
    of: str
    number: int
    service: str
    environment: str
    version: str
    at: float
    type: str
    sentence: str
    data: JsonObject


@dataclass(frozen=True, kw_only=True)
class Look:
    """A rollout under way, as its worker last saw it. revision: grows with each look."""

    rollout: str
    service: str
    environment: str
    version: str
    status: str
    step: str
    weight: int
    revision: int


class Feed:
    """That of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def extend(self) -> int:
        """Give positions to all events that have none; returns the newest position. What happened before anyone ever
        followed gets none."""
        with self._engine.connect() as connection:
            newest = _newest(connection)
            if newest is not None and not any(True for _ in _lagging(connection)):
                return newest
        with self._engine.begin() as connection:
            newest = _locked(connection)
            if newest is None:
                return _begin(connection)
            return _extended(connection, newest)

    def after(self, position: int) -> tuple[Fed, ...]:
        """The next events, in order; at most some hundred."""
        with self._engine.connect() as connection:
            query = select(feed).where(feed.c.position > position).order_by(feed.c.position).limit(AT_ONCE)
            wanted = connection.execute(query).mappings().all()
            found = {source[0]: _told(connection, source, wanted) for source in _SOURCES}
        return tuple(
            _fed(one, row) for one in wanted if (row := found[one["kind"]].get((one["of"], one["number"]))) is not None
        )

    def reaches(self, position: int) -> bool:
        """Whether every event after this position is still there."""
        with self._engine.connect() as connection:
            newest = _newest(connection) or 0
            oldest = connection.scalar(select(func.min(feed.c.position)))
        return position <= newest and (position == newest or (oldest is not None and position >= oldest - 1))

    def looks(self) -> tuple[Look, ...]:
        """Every rollout under way."""
        names = ("service", "environment", "version", "status", "step", "weight", "revision")
        query = select(rollouts.c.id.label("rollout"), *(rollouts.c[name] for name in names))
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(rollouts.c.status.in_(ACTIVE))).mappings().all()
        return tuple(Look(**row) for row in rows)


def _newest(connection: Connection) -> int | None:
    """None before anyone followed."""
    return connection.scalar(_head())


def _head() -> Select[int]:
    return select(feed_heads.c.events).where(feed_heads.c.kind == _NEWEST)


def _locked(connection: Connection) -> int | None:
    """The newest position; nobody else gives one until the transaction ends."""
    return connection.scalar(_head().with_for_update())


def _begin(connection: Connection) -> int:
    """Everything so far is past."""
    try:
        with connection.begin_nested():
            connection.execute(insert(feed_heads).values(kind=_NEWEST, of="", events=0))
    except IntegrityError:
        return _newest(connection) or 0  # another server was faster
    for kind, of, _, counted in _lagging(connection):
        connection.execute(insert(feed_heads).values(kind=kind, of=of, events=counted))
    return 0


def _extended(connection: Connection, newest: int) -> int:
    first = newest
    for kind, of, number in _in_order(connection, list(_lagging(connection))):
        newest += 1
        connection.execute(insert(feed).values(position=newest, kind=kind, of=of, number=number))
    if newest > first:
        connection.execute(update(feed_heads).where(feed_heads.c.kind == _NEWEST).values(events=newest))
        connection.execute(delete(feed).where(feed.c.position <= newest - KEPT))
    return newest


def _lagging(connection: Connection) -> Iterator[tuple[str, str, int, int]]:
    """Kind and id of what has events without a position; how many have one, and how many there are."""
    for kind, table, identity, _, _ in _SOURCES:
        mine = and_(feed_heads.c.kind == kind, feed_heads.c.of == identity)
        have = func.coalesce(feed_heads.c.events, 0)
        query = select(identity, have, table.c.events).join_from(table, feed_heads, mine, isouter=True)
        for row in connection.execute(query.where(table.c.events > have)).all():
            yield kind, row[0], row[1], row[2]


def _in_order(connection: Connection, lagging: Sequence[tuple[str, str, int, int]]) -> list[tuple[str, str, int]]:
    """The events without a position, by time, each rollout's in its own order; notes that they have one."""
    found: list[tuple[float, str, str, int]] = []
    numbered = {kind: (table, identity) for kind, _, _, table, identity in _SOURCES}
    for kind, of, had, count in lagging:
        table, identity = numbered[kind]
        query = select(table.c.number, table.c.at).where(identity == of, table.c.number > had, table.c.number <= count)
        latest = 0.0
        for row in connection.execute(query.order_by(table.c.number)).all():
            latest = max(latest, row.at)
            found.append((latest, kind, of, row.number))
        there = and_(feed_heads.c.kind == kind, feed_heads.c.of == of)
        if not connection.execute(update(feed_heads).where(there).values(events=count)).rowcount:
            connection.execute(insert(feed_heads).values(kind=kind, of=of, events=count))
    return [(kind, of, number) for _, kind, of, number in sorted(found)]


def _told(connection: Connection, source: _Place, wanted: Sequence[RowMapping]) -> dict[tuple[str, int], RowMapping]:
    kind, table, identity, said, of = source
    those = {one["of"] for one in wanted if one["kind"] == kind}
    if not those:
        return {}
    place = table.c.environment if "environment" in table.c else None
    query = select(of.label("of"), said.c.number, said.c.at, said.c.type, said.c.sentence, said.c.data)
    query = query.add_columns(table.c.service, table.c.version, *([place] if place is not None else []))
    query = query.join_from(said, table, of == identity).where(of.in_(those))
    least = min(one["number"] for one in wanted if one["kind"] == kind)
    rows = connection.execute(query.where(said.c.number >= least)).mappings().all()
    return {(row["of"], row["number"]): row for row in rows}


def _fed(place: RowMapping, event: RowMapping) -> Fed:
    return Fed(
        position=place["position"], kind=place["kind"], of=place["of"], number=place["number"],
        service=event["service"], environment=event.get("environment", ""), version=event["version"], at=event["at"],
        type=event["type"], sentence=event["sentence"], data=event["data"],
    )  # fmt: skip
