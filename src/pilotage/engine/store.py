"""Everything that outlives a process: rollouts, their events, the commands people gave.

A rollout's state, its events and the outcomes of its commands change in one transaction, or not at all. The events
of a rollout form a chain: each carries the hash of the one before, the first that of the plan.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, and_, create_engine, event, func, insert, select, update

from pilotage.engine.migrations import migrate
from pilotage.engine.tables import commands, events, rollouts
from pilotage.model.plan import Plan, canonical_json
from pilotage.model.rollout import Command, CommandKind, Decision, Event, Pace, RolloutState, Status

_FINAL = tuple(status.value for status in Status if status.final)


class StoreConflict(Exception):
    """The store holds something that forbids what was asked, such as another rollout under way."""


@dataclass(frozen=True)
class Recorded:
    """An event as it was recorded. `hash` covers everything else, and `before`, the hash of the one before."""

    rollout: str
    number: int
    at: float
    type: str
    sentence: str
    data: dict[str, Any]
    before: str
    hash: str


@dataclass(frozen=True)
class Rollout:
    """One rollout as recorded. `target` is the environment's configuration; `live` the last look, for people."""

    id: str
    service: str
    environment: str
    version: str
    old: str | None
    actor: str
    created_at: float
    finished_at: float | None
    plan: Plan
    plan_hash: str
    target: dict[str, Any]
    state: RolloutState
    judge: dict[str, Any] | None
    live: dict[str, Any] | None
    head: str
    events: int


def database_url(directory: Path) -> str:
    return f"sqlite:///{directory / 'pilotage.sqlite'}"


class Store:
    """Opens (and brings up to date) the store in `directory`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(database_url(directory), connect_args={"timeout": 30})
        _set_up_sqlite(self._engine)
        migrate(self._engine)

    @property
    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        self._engine.dispose()

    # ── rollouts ───────────────────────────────────────────────────────────────────────────────────────────

    def create(self, plan: Plan, state: RolloutState, target: dict[str, Any], actor: str, now: float) -> Rollout:
        """Record a rollout and its first event. Raises StoreConflict while another runs in the environment."""
        identity = f"{plan.service}-{plan.environment}-{uuid.uuid4().hex[:8]}"
        with self._write() as connection:
            active = self._first(connection, plan.service, plan.environment, active=True)
            if active is not None:
                raise StoreConflict(
                    f"{active['version']} is rolling out in {plan.environment} since {_clock(active['created_at'])} "
                    f"(by {active['actor']}): wait for it, or `pilotage abort` it"
                )
            connection.execute(
                insert(rollouts).values(
                    id=identity, service=plan.service, environment=plan.environment, version=plan.version,
                    old=state.old, status=state.status.value, actor=actor, created_at=now, plan=plan.to_json(),
                    plan_hash=plan.hash, target=target, state=_dump(state), head=plan.hash, events=0,
                )
            )  # fmt: skip
            start = Event(
                "rollout-started",
                f"{plan.version} rolls out to {plan.environment}, started by {actor}"
                + (f"; {state.old} is stable" if state.old else "; nothing was there before"),
                {
                    "plan": plan.hash,
                    "pace": state.pace.value,
                    "version": plan.version,
                    "old": state.old or "",
                },
            )
            _append(connection, identity, plan.hash, 0, [start], now)
        return self.get(identity)

    def get(self, identity: str) -> Rollout:
        """The rollout; KeyError when there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(select(rollouts).where(rollouts.c.id == identity)).mappings().first()
        if row is None:
            raise KeyError(identity)
        return _rollout(row)

    def latest(self, service: str, environment: str) -> Rollout | None:
        """The rollout that began last, running or not."""
        with self._engine.connect() as connection:
            row = self._first(connection, service, environment, active=False)
        return _rollout(row) if row else None

    def history(self, service: str, environment: str | None = None, limit: int = 50) -> tuple[Rollout, ...]:
        """Rollouts, newest first."""
        query = select(rollouts).where(rollouts.c.service == service)
        if environment:
            query = query.where(rollouts.c.environment == environment)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(limit)).mappings()
            return tuple(_rollout(row) for row in found)

    def serving(self, service: str, environment: str) -> tuple[str, ...]:
        """The good versions of the environment: the one that serves all requests, then the one before, and so on.
        A version that was gone back from is not among them."""
        query = (
            select(rollouts.c.version, rollouts.c.state)
            .where(rollouts.c.service == service, rollouts.c.environment == environment)
            .where(rollouts.c.status == Status.COMPLETED.value)
        )
        good: list[str] = []
        with self._engine.connect() as connection:
            for version, state in connection.execute(query.order_by(rollouts.c.created_at)):
                if state["pace"] == Pace.FAST.value and version in good:
                    del good[good.index(version) + 1 :]
                else:
                    good = [other for other in good if other != version] + [version]
        return tuple(reversed(good))

    def unfinished(self) -> tuple[str, ...]:
        """Ids of the rollouts under way, oldest first."""
        query = select(rollouts.c.id).where(rollouts.c.status.not_in(_FINAL)).order_by(rollouts.c.created_at)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    def settled(self) -> tuple[Rollout, ...]:
        """The last rollout of each environment, where it is finished: what is to be kept up there."""
        newest = (
            select(rollouts.c.service, rollouts.c.environment, func.max(rollouts.c.created_at).label("at"))
            .group_by(rollouts.c.service, rollouts.c.environment)
            .subquery()
        )
        last = and_(
            rollouts.c.service == newest.c.service,
            rollouts.c.environment == newest.c.environment,
            rollouts.c.created_at == newest.c.at,
        )
        query = select(rollouts).join(newest, last).where(rollouts.c.status.in_(_FINAL))
        with self._engine.connect() as connection:
            return tuple(_rollout(row) for row in connection.execute(query).mappings())

    # ── changes ────────────────────────────────────────────────────────────────────────────────────────────

    def record(
        self, rollout: Rollout, decision: Decision, judge: dict[str, Any] | None, live: dict[str, Any]
    ) -> Rollout:
        """State, judge's sums, events and outcomes of commands, all at once. Raises StoreConflict when somebody
        else has recorded since `rollout` was read."""
        state, now = decision.state, decision.state.at
        with self._write() as connection:
            head, count = _append(connection, rollout.id, rollout.head, rollout.events, decision.events, now)
            changed = connection.execute(
                update(rollouts)
                .where(rollouts.c.id == rollout.id, rollouts.c.head == rollout.head)
                .values(
                    status=state.status.value, state=_dump(state), judge=judge, live=live, head=head, events=count,
                    finished_at=rollout.finished_at or (now if state.status.final else None),
                )
            )  # fmt: skip
            if changed.rowcount != 1:
                raise StoreConflict(f"rollout {rollout.id} was changed by another worker")
            for identity, outcome in decision.answered:
                connection.execute(update(commands).where(commands.c.id == identity).values(outcome=outcome))
        return self.get(rollout.id) if decision.events else _with(rollout, state, judge, live)

    def command(self, rollout: str, kind: CommandKind, actor: str, reason: str = "", full: bool = False) -> int:
        """Ask something of a running rollout; returns the command's id, to look up its outcome."""
        with self._write() as connection:
            result = connection.execute(
                insert(commands).values(
                    rollout=rollout,
                    kind=kind.value,
                    actor=actor,
                    reason=reason,
                    full=int(full),
                    at=time.time(),
                )
            )
            return int(result.inserted_primary_key[0])

    def pending(self, rollout: str) -> tuple[Command, ...]:
        """Commands nobody has taken up yet, in the order they were given."""
        query = select(commands).where(commands.c.rollout == rollout, commands.c.outcome.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(commands.c.id)).mappings()
            return tuple(
                Command(row["id"], CommandKind(row["kind"]), row["actor"], row["reason"], bool(row["full"]))
                for row in rows
            )

    def outcome(self, command: int) -> str | None:
        """What came of a command; None while nobody has taken it up."""
        with self._engine.connect() as connection:
            return connection.scalar(select(commands.c.outcome).where(commands.c.id == command))

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────

    def events(self, rollout: str, after: int = 0) -> tuple[Recorded, ...]:
        """Events of a rollout with a number above `after`, in order."""
        query = select(events).where(events.c.rollout == rollout, events.c.number > after)
        with self._engine.connect() as connection:
            return tuple(Recorded(**row) for row in connection.execute(query.order_by(events.c.number)).mappings())

    def broken_link(self, rollout: str) -> str | None:
        """What is wrong with a rollout's chain of events, in a sentence; None when it is whole."""
        recorded = self.get(rollout)
        before = recorded.plan_hash
        if recorded.plan.hash != before:
            return "the plan is not the one the rollout began with"
        number = 0
        for number, item in enumerate(self.events(rollout), 1):
            if item.number != number or item.before != before or item.hash != _hash(item):
                return f"event {item.number} does not follow from event {number - 1}"
            before = item.hash
        if number != recorded.events or before != recorded.head:
            return f"{recorded.events} events were recorded, {number} are there"
        return None

    # ── within ─────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> Any:
        return self._engine.begin()

    def _first(self, connection: Connection, service: str, environment: str, *, active: bool) -> RowMapping | None:
        query = select(rollouts).where(rollouts.c.service == service, rollouts.c.environment == environment)
        if active:
            query = query.where(rollouts.c.status.not_in(_FINAL))
        return connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(1)).mappings().first()


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A transaction that reads before it writes must hold the write lock from its start, or it may fail halfway.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _append(
    connection: Connection, rollout: str, head: str, count: int, new: Iterable[Event], now: float
) -> tuple[str, int]:
    for item in new:
        count += 1
        unsealed = Recorded(rollout, count, now, item.type, item.sentence, item.data, head, "")
        head = _hash(unsealed)
        connection.execute(insert(events).values({**vars(unsealed), "hash": head}))
    connection.execute(
        update(rollouts).where(rollouts.c.id == rollout, rollouts.c.events == 0).values(head=head, events=count)
    )
    return head, count


def _hash(item: Recorded) -> str:
    content = {key: value for key, value in vars(item).items() if key != "hash"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@cache
def _states() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(RolloutState)


def _dump(state: RolloutState) -> dict[str, Any]:
    dumped: dict[str, Any] = _states().dump_python(state, mode="json")
    return dumped


def _rollout(row: RowMapping) -> Rollout:
    import json

    fields = {key: value for key, value in row.items() if key not in ("status", "plan", "state")}
    return Rollout(
        **fields, plan=Plan.from_dict(json.loads(row["plan"])), state=_states().validate_python(row["state"])
    )


def _with(rollout: Rollout, state: RolloutState, judge: dict[str, Any] | None, live: dict[str, Any]) -> Rollout:
    from dataclasses import replace

    return replace(rollout, state=state, judge=judge, live=live)


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def sentences(recorded: Sequence[Recorded]) -> list[str]:
    """Events as lines for people: `14:03:07  step-started  25% of requests …`."""
    return [f"{time.strftime('%H:%M:%S', time.localtime(e.at))}  {e.type:<17} {e.sentence}" for e in recorded]
