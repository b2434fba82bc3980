"""Stored ways: each change of state is recorded with its events, its messages and the answers to commands, or not at
all. The events of a way form a chain, as those of a rollout do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from pilotage.engine.execution.failpoints import reach
from pilotage.engine.integrity.chain import broken_link, seal
from pilotage.engine.records.home import Place
from pilotage.engine.records.outbox import post
from pilotage.engine.records.replies import reply, reply_to_rest
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.records.tables_beside import way_commands, way_events, ways
from pilotage.model.canonical import canonical_json
from pilotage.model.json import Json, JsonObject, object_at
from pilotage.model.record import Recorded
from pilotage.model.rollout import Event
from pilotage.model.stored_way import state_from_data, state_to_data, way_from_data, way_to_data
from pilotage.model.text import clean
from pilotage.model.way import EnvironmentStage, Way, WayState
from pilotage.model.way_command import WayCommandKind
from pilotage.report.way_telling import message_of

TOO_LATE = "too late"


@dataclass(frozen=True, kw_only=True)
class StoredWay:
    """channels: who is told, as plain sections of `notify` · place: of the worker that takes it along · revision: grows
    with every change · events, head: of its chain · times in Unix seconds."""

    way: Way
    state: WayState
    channels: tuple[JsonObject, ...]
    place: Place
    revision: int
    events: int
    head: str
    created_at: float
    finished_at: float | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A command that waits for its answer."""

    id: int
    kind: WayCommandKind
    stage: str
    actor: str
    reason: str
    at: float


# ── written ────────────────────────────────────────────────────────────────────────────────────────────────


def create(
    store: Store, way: Way, state: WayState, first: Sequence[Event], channels: Sequence[JsonObject], place: Place,
    now: float, *, replaces: bool = False,
) -> StoredWay:  # fmt: skip
    """Record a new way. replaces: those of the service that are under way are aborted; else they refuse it. Raises
    StoreConflict."""
    body = canonical_json(way_to_data(way))
    head = hashlib.sha256(body.encode()).hexdigest()
    with store.in_turn(), store.engine.begin() as connection:
        _alone(connection, way.service)
        for other in _open(connection, way.service):
            if not replaces:
                raise StoreConflict(
                    f"{other['version']} is on its way: wait for it, run `pilotage way abort` first, or use --replace"
                )
            _ask(connection, other["id"], WayCommandKind.ABORT, way.author, f"replaced by {way.version}", now)
        connection.execute(
            insert(ways).values(
                id=way.id, service=way.service, version=way.version, status=state.status.value, author=way.author,
                body=body, state=_text(state), channels=list(channels), place=place.id, place_name=place.name,
                revision=0, events=0, head=head, created_at=now, finished_at=None,
            )
        )  # fmt: skip
        head, count = _tell(connection, way, channels, head, 0, first, now)
        connection.execute(update(ways).where(ways.c.id == way.id).values(head=head, events=count))
    return get(store.engine, way.id)


def record(
    store: Store, stored: StoredWay, state: WayState, events: Sequence[Event], answered: Sequence[tuple[int, str]],
    now: float,
) -> StoredWay:  # fmt: skip
    """Record a decision. Raises StoreConflict if another process recorded since `stored` was read."""
    finished = now if state.status.final else None
    with store.in_turn(), store.engine.begin() as connection:
        columns: dict[str, Json] = {
            "status": state.status.value, "state": _text(state), "finished_at": finished,
            "revision": stored.revision + 1,
        }  # fmt: skip
        mine = update(ways).where(ways.c.id == stored.way.id, ways.c.revision == stored.revision)
        if connection.execute(mine.values(**columns)).rowcount != 1:
            raise StoreConflict(f"the way {stored.way.id} was changed by another worker")
        head, count = _tell(connection, stored.way, stored.channels, stored.head, stored.events, events, now)
        connection.execute(update(ways).where(ways.c.id == stored.way.id).values(head=head, events=count))
        for identity, outcome in answered:
            reply(connection, way_commands, identity, outcome, now)
        if finished is not None:
            reply_to_rest(connection, way_commands, stored.way.id, f"{TOO_LATE}: the way is {state.status}", now)
        reach("way-record")
    return replace(stored, state=state, revision=stored.revision + 1, head=head, events=count, finished_at=finished)


def command(
    store: Store, way: str, kind: WayCommandKind, actor: str, *, stage: str = "", reason: str = ""
) -> int:  # fmt: skip
    """Ask something of a way; returns the command's number. Raises KeyError, and StoreConflict where it is over."""
    with store.in_turn(), store.engine.begin() as connection:
        row = connection.execute(select(ways.c.version, ways.c.status, ways.c.finished_at).where(ways.c.id == way))
        found = row.first()
        if found is None:
            raise KeyError(way)
        if found.finished_at is not None:
            again = f"; `pilotage way start {found.version}` starts it again" if found.status != "completed" else ""
            raise StoreConflict(f"the way of {found.version} has ended, {found.status}: too late to {kind}{again}")
        return _ask(connection, way, kind, actor, reason, store.clock.now(), stage)


def _ask(
    connection: Connection, way: str, kind: WayCommandKind, actor: str, reason: str, now: float, stage: str = ""
) -> int:
    values = {"way": way, "kind": kind.value, "stage": stage, "actor": actor, "reason": reason, "at": now}
    made = connection.execute(insert(way_commands).values(**values))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def _tell(
    connection: Connection, way: Way, channels: Sequence[JsonObject], head: str, count: int, new: Sequence[Event],
    now: float,
) -> tuple[str, int]:  # fmt: skip
    for event in new:
        count += 1
        unsealed = Recorded(way.id, count, now, event.type, clean(event.sentence), event.data, head, "")
        head = seal(unsealed)
        values = {**vars(replace(unsealed, hash=head))}
        connection.execute(insert(way_events).values(way=values.pop("rollout"), **values))
        if channels:
            post(connection, message_of(way, replace(event, sentence=unsealed.sentence), count, now), channels, now)
    return head, count


def _alone(connection: Connection, service: str) -> None:
    """Nobody else starts a way of the service until the transaction ends; a file has one writer anyway."""
    if connection.dialect.name != "sqlite":
        digest = hashlib.sha256(f"way/{service}".encode()).digest()
        connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], "big", signed=True))))


def _text(state: WayState) -> str:
    return json.dumps(state_to_data(state), allow_nan=False, sort_keys=True, separators=(",", ":"))


# ── read ───────────────────────────────────────────────────────────────────────────────────────────────────


def get(engine: Engine, identity: str) -> StoredWay:
    """Raises KeyError; ValueError where this version cannot read it."""
    with engine.connect() as connection:
        row = connection.execute(select(ways).where(ways.c.id == identity)).mappings().first()
    if row is None:
        raise KeyError(identity)
    return _of(row)


def newest(engine: Engine, service: str, version: str = "") -> StoredWay | None:
    """The way of a version that was started last, or of any."""
    found = listed(engine, service, 1, version)
    return found[0] if found else None


def listed(engine: Engine, service: str, limit: int = 20, version: str = "") -> tuple[StoredWay, ...]:
    """Newest first."""
    query = select(ways).where(ways.c.service == service)
    query = query.where(ways.c.version == version) if version else query
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(ways.c.created_at.desc(), ways.c.id).limit(limit)).mappings().all()
    return tuple(_of(row) for row in rows)


def under_way(engine: Engine, place: str) -> tuple[str, ...]:
    """Ids of the ways that the worker of a place takes along, oldest first."""
    query = select(ways.c.id).where(ways.c.finished_at.is_(None), ways.c.place == place)
    with engine.connect() as connection:
        return tuple(connection.scalars(query.order_by(ways.c.created_at)))


def open_ways(engine: Engine) -> tuple[StoredWay, ...]:
    """Every way that has not ended, of any service and place."""
    with engine.connect() as connection:
        rows = connection.execute(select(ways).where(ways.c.finished_at.is_(None))).mappings().all()
    return tuple(_of(row) for row in rows)


def any_under_way(engine: Engine) -> bool:
    """Whether there is a way that has not ended, of any place."""
    with engine.connect() as connection:
        return connection.execute(select(ways.c.id).where(ways.c.finished_at.is_(None)).limit(1)).first() is not None


def before(engine: Engine, stored: StoredWay) -> str:
    """The version of an older way of the service that has not ended; empty where there is none."""
    query = select(ways.c.version).where(ways.c.finished_at.is_(None), ways.c.service == stored.way.service)
    query = query.where(ways.c.created_at < stored.created_at, ways.c.id != stored.way.id)
    with engine.connect() as connection:
        return connection.scalar(query.limit(1)) or ""


def pending(engine: Engine, way: str) -> tuple[Asked, ...]:
    """Commands that were not answered yet, in the order they were given."""
    query = select(way_commands).where(way_commands.c.way == way, way_commands.c.outcome.is_(None))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(way_commands.c.id)).mappings().all()
    return tuple(
        Asked(
            id=row["id"], kind=WayCommandKind(row["kind"]), stage=row["stage"], actor=row["actor"],
            reason=row["reason"], at=row["at"],
        )
        for row in rows
    )  # fmt: skip


def commands_of(engine: Engine, way: str) -> tuple[int, ...]:
    """Numbers of all commands that a way was given, in order."""
    query = select(way_commands.c.id).where(way_commands.c.way == way).order_by(way_commands.c.id)
    with engine.connect() as connection:
        return tuple(connection.scalars(query))


def outcome(engine: Engine, number: int) -> str | None:
    """Of a command; None until it was answered."""
    with engine.connect() as connection:
        return connection.scalar(select(way_commands.c.outcome).where(way_commands.c.id == number))


def events(engine: Engine, way: str, after: int = 0) -> tuple[Recorded, ...]:
    """Events of a way with a number above `after`, in order."""
    query = select(way_events).where(way_events.c.way == way, way_events.c.number > after)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query.order_by(way_events.c.number)).mappings().all()]
    return tuple(Recorded(rollout=row.pop("way"), **row) for row in rows)


def broken(engine: Engine, identity: str) -> str | None:
    """What is wrong with a way's chain of events; None when it is whole. Raises KeyError."""
    with engine.connect() as connection:
        row = connection.execute(select(ways).where(ways.c.id == identity)).mappings().first()
    if row is None:
        raise KeyError(identity)
    first = hashlib.sha256(row["body"].encode()).hexdigest()
    return broken_link(first, row["head"], row["events"], events(engine, identity))


def broken_ways(engine: Engine, service: str, environment: str) -> tuple[tuple[str, str], ...]:
    """Ids of the service's ways to an environment whose chain is not whole, each with why; also of those that cannot be
    read any more."""
    query = select(ways.c.id, ways.c.body).where(ways.c.service == service).order_by(ways.c.created_at)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    found = []
    for row in rows:
        try:
            there = environments_in(way_from_data(object_at(json.loads(row.body))))
        except (ValueError, TypeError):
            there = (environment,)
        if environment in there and (why := broken(engine, row.id)):
            found.append((row.id, why))
    return tuple(found)


def environments_in(way: Way) -> tuple[str, ...]:
    """That the way rolls out to, in order."""
    return tuple(name for one in way.stages if isinstance(one, EnvironmentStage) for name in one.environments)


def _open(connection: Connection, service: str) -> Sequence[RowMapping]:
    query = select(ways.c.id, ways.c.version).where(ways.c.service == service, ways.c.finished_at.is_(None))
    return connection.execute(query).mappings().all()


def _of(row: RowMapping) -> StoredWay:
    return StoredWay(
        way=way_from_data(object_at(json.loads(row["body"]))),
        state=state_from_data(object_at(json.loads(row["state"]))),
        channels=tuple(row["channels"]), place=Place(row["place"], row["place_name"]), revision=row["revision"],
        events=row["events"], head=row["head"], created_at=row["created_at"], finished_at=row["finished_at"],
    )  # fmt: skip
