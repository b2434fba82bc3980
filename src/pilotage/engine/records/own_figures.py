"""Figures of a store for whoever operates Pilotage: what is under way, what waits, who is heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, Row, Select, func, select

from pilotage.engine.placement.leases import now_of
from pilotage.engine.records.home import LEASE
from pilotage.engine.records.migrations import revision
from pilotage.engine.records.outbox import DEAD, WAITING
from pilotage.engine.records.rows import ACTIVE, parsed
from pilotage.engine.records.tables import environments, events, heads, leases, live_views, outbox, rollouts
from pilotage.model.event_names import types_stored
from pilotage.model.live import read_live
from pilotage.model.rollout import Status

Place = tuple[str, str]
"""Service and environment."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The last heartbeat of the worker that has a place. name: of its machine and folder · ago: seconds, by the
    database's clock."""

    place: Place
    name: str
    ago: float


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Messages of one channel. oldest: when the oldest that waits was made, Unix seconds; None if none waits."""

    waiting: int
    failed: int
    oldest: float | None


@dataclass(frozen=True, kw_only=True)
class OwnFigures:
    """rollouts: by place and status, all that were ever recorded · looks: when each rollout under way was looked at
    last · unsigned: heads of chains that wait for their signature."""

    rollouts: Mapping[tuple[str, str, str], int]
    looks: Mapping[tuple[str, str, str], float]
    heard: tuple[Heard, ...]
    letters: Mapping[str, Letters]
    unsigned: int


def own_figures(engine: Engine) -> OwnFigures:
    """Read all of them, from one moment of the store."""
    counted = select(rollouts.c.service, rollouts.c.environment, rollouts.c.status, func.count())
    counted = counted.group_by(rollouts.c.service, rollouts.c.environment, rollouts.c.status)
    active = select(rollouts.c.service, rollouts.c.environment, rollouts.c.version, live_views.c.body)
    active = active.join(live_views, live_views.c.rollout == rollouts.c.id).where(rollouts.c.status.in_(ACTIVE))
    here = leases.c.target == environments.c.service + "/" + environments.c.environment
    held = select(environments.c.service, environments.c.environment, environments.c.home_name, leases.c.expires_at)
    waiting = select(outbox.c.channel, outbox.c.state, func.count(), func.min(outbox.c.created_at))
    waiting = waiting.where(outbox.c.state.in_((WAITING, DEAD))).group_by(outbox.c.channel, outbox.c.state)
    with engine.connect() as connection:
        now = now_of(connection)
        letters: dict[str, dict[str, tuple[int, float]]] = {}
        for channel, state, count, oldest in connection.execute(waiting):
            letters.setdefault(channel, {})[state] = (count, oldest)
        return OwnFigures(
            rollouts={(s, e, status): count for s, e, status, count in connection.execute(counted)},
            looks={
                (s, e, version): at
                for s, e, version, body in connection.execute(active)
                if (at := read_live(parsed(body)).at)
            },
            heard=tuple(
                Heard(place=(s, e), name=name or "", ago=max(0.0, now - (expires - LEASE)))
                for s, e, name, expires in connection.execute(held.join(leases, here))
                if expires
            ),
            letters={channel: _letters(states) for channel, states in sorted(letters.items())},
            unsigned=int(connection.scalar(select(func.count()).where(heads.c.open == 1)) or 0),
        )  # fmt: skip


def heard_lately(engine: Engine) -> float | None:
    """Seconds since any worker was last heard, by the database's clock; None if none ever was."""
    with engine.connect() as connection:
        last = connection.scalar(select(func.max(leases.c.expires_at)))
        return max(0.0, now_of(connection) - (last - LEASE)) if last else None


def revision_of(engine: Engine) -> int | None:
    """The number of the migration that the store is at."""
    with engine.connect() as connection:
        return revision(connection)


def _letters(states: Mapping[str, tuple[int, float]]) -> Letters:
    waiting = states.get(WAITING)
    return Letters(
        waiting=waiting[0] if waiting else 0, failed=states.get(DEAD, (0, 0.0))[0],
        oldest=waiting[1] if waiting else None,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A rollout that has ended. seconds: from its start · paused: of these, how long it waited for a person."""

    id: str
    place: Place
    status: Status
    at: float
    seconds: float
    paused: float


def ended_since(engine: Engine, since: float) -> tuple[Ended, ...]:
    """Rollouts that have started and have ended since then, in this order. since: Unix seconds."""
    query = select(rollouts).where(rollouts.c.finished_at >= since, rollouts.c.started_at.is_not(None))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(rollouts.c.finished_at, rollouts.c.id)).mappings().all()
        pauses = {row["id"]: _paused(connection.execute(_turns(row["id"])).all(), row["finished_at"]) for row in rows}
    return tuple(
        Ended(
            id=row["id"], place=(row["service"], row["environment"]), status=Status(row["status"]),
            at=row["finished_at"], seconds=max(0.0, row["finished_at"] - row["started_at"]), paused=pauses[row["id"]],
        )
        for row in rows
    )  # fmt: skip


_PAUSES = types_stored("paused")
_TURNS = (*_PAUSES, *types_stored("resumed"), *types_stored("promoted"), *types_stored("rollback-started"))


def _turns(rollout: str) -> Select[str, float]:
    query = select(events.c.type, events.c.at).where(events.c.rollout == rollout, events.c.type.in_(_TURNS))
    return query.order_by(events.c.number)


def _paused(turns: Iterable[Row[str, float]], end: float) -> float:
    """Seconds between a pause and what ended it. end: of the rollout."""
    total: float = 0.0
    since: float | None = None
    for type_, at in turns:
        if type_ in _PAUSES:
            since = at if since is None else since
        elif since is not None:
            total, since = total + max(0.0, at - since), None
    return total + (max(0.0, end - since) if since is not None else 0.0)
