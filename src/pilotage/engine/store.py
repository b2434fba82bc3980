"""Everything that outlives a process: rollouts, their events, the commands people gave.

A rollout's state, its events and the outcomes of its commands change in one transaction, or not at all. The events
of a rollout form a chain: each carries the hash of the one before, the first that of the plan.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, and_, func, insert, select, update

from pilotage.engine.chain import Recorded, append, broken_link
from pilotage.engine.database import open_database
from pilotage.engine.freezes import Freezes
from pilotage.engine.outbox import is_paged, post
from pilotage.engine.tables import commands, events, rollouts
from pilotage.model.live import JudgeState, LiveView, read_judge, read_live
from pilotage.model.message import Incident
from pilotage.model.plan import Plan
from pilotage.model.plan_formats import read_plan
from pilotage.model.rollout import Command, CommandKind, Decision, Event, Pace, RolloutState, Status
from pilotage.model.snapshot import Snapshot, read_snapshot
from pilotage.report.telling import Happened, Subject, message_of

_JUST = 3600.0
"""Seconds for which a release that has ended is looked at again: its worker may have been away."""

_FINAL = tuple(status.value for status in Status if status.final)
_ACTIVE = tuple(status.value for status in Status if not status.final and status is not Status.QUEUED)
"""Listed, because an index finds what is in a list, and not what is not in one."""

_BEGUN = (*_ACTIVE, *_FINAL)


class StoreConflict(Exception):
    """The store holds something that forbids what was asked, such as another rollout under way."""


@dataclass(frozen=True)
class Rollout:
    """One rollout as recorded. `live` is the last look, for people."""

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
    snapshot: Snapshot
    state: RolloutState
    judge: JudgeState | None
    live: LiveView
    head: str
    events: int
    revision: int
    release: str | None = None


class Store:
    """Opens (and brings up to date) the store of `directory`: a file in it, or the database that `url` or the
    environment names."""

    def __init__(self, directory: Path, url: str | None = None) -> None:
        self.directory = directory
        self._engine = open_database(directory, url)
        self._file = self._engine.dialect.name == "sqlite"
        self.freezes = Freezes(self._engine)

    @property
    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        self._engine.dispose()

    # ── rollouts ───────────────────────────────────────────────────────────────────────────────────────────

    def create(
        self,
        plan: Plan,
        state: RolloutState,
        snapshot: Snapshot,
        actor: str,
        now: float,
        *,
        queued: bool = False,
        release: str | None = None,
        more: Sequence[Event] = (),
    ) -> Rollout:
        """Record a rollout and its first event. Raises StoreConflict while another runs in the environment; `queued`
        it waits for that one's end instead (`release`). release: the id of those that come out together ·
        more: what is told right after its start."""
        identity = f"{plan.service}-{plan.environment}-{uuid.uuid4().hex[:8]}"
        if queued:
            state = replace(state, status=Status.QUEUED)
        with self._write() as connection:
            self._alone(connection, f"{plan.service}/{plan.environment}")
            active = self._first(connection, plan.service, plan.environment, active=True)
            if active is not None and not queued:
                raise StoreConflict(
                    f"{active['version']} is rolling out in {plan.environment} since {_clock(active['created_at'])} "
                    f"(by {active['actor']}): wait for it, or `pilotage abort` it"
                )
            connection.execute(
                insert(rollouts).values(
                    id=identity, service=plan.service, environment=plan.environment, version=plan.version,
                    old=state.old, status=state.status.value, actor=actor, created_at=now, plan=plan.to_json(),
                    plan_hash=plan.hash, target=snapshot.to_dict(), state=_dump(state), head=plan.hash, events=0,
                    release=release,
                )
            )  # fmt: skip
            waits = Event("rollout-queued", f"{plan.version} waits its turn in {plan.environment}, asked by {actor}")
            first = waits if queued else _start_event(plan, state, actor)
            subject = Subject(identity, plan.service, plan.environment, plan.version, state.old or "", actor, plan.hash)
            _happened(connection, subject, snapshot, plan.hash, 0, [first, *more], now)
        return self.get(identity)

    def release(self, identity: str, state: RolloutState, now: float) -> Rollout | None:
        """A queued rollout begins, with `state`; None when it is not its turn (any more)."""
        waiting = self.get(identity)
        with self._write() as connection:
            self._alone(connection, f"{waiting.service}/{waiting.environment}")
            status = connection.scalar(select(rollouts.c.status).where(rollouts.c.id == identity))
            active = self._first(connection, waiting.service, waiting.environment, active=True)
            if active is not None or status != Status.QUEUED.value:
                return None
            start = _start_event(waiting.plan, state, waiting.actor)
            head, count = _told(connection, waiting, [start], now)
            connection.execute(
                update(rollouts)
                .where(rollouts.c.id == identity)
                .values(
                    status=state.status.value, state=_dump(state), old=state.old, head=head, events=count,
                    revision=rollouts.c.revision + 1,
                )
            )  # fmt: skip
        return self.get(identity)

    def withdraw(self, identity: str, actor: str, now: float) -> bool:
        """End a rollout that still waits its turn; False when it waits no more."""
        waiting = self.get(identity)
        state = replace(waiting.state, status=Status.ROLLED_BACK, reason=f"withdrawn by {actor}")
        with self._write() as connection:
            changed = connection.execute(
                update(rollouts)
                .where(rollouts.c.id == identity, rollouts.c.status == Status.QUEUED.value)
                .values(status=state.status.value, state=_dump(state), finished_at=now)
            )
            if changed.rowcount != 1:
                return False
            event = Event("withdrawn", f"{waiting.version} will not be rolled out: withdrawn by {actor}")
            head, count = _told(connection, waiting, [event], now)
            connection.execute(update(rollouts).where(rollouts.c.id == identity).values(head=head, events=count))
        return True

    def clean(self, identity: str, actor: str, now: float) -> None:
        """The failed environment that was kept for study may go: its keeper stops it. Raises StoreConflict."""
        kept = self.get(identity)
        event = Event("environment-released", f"the failed environment with {kept.version} may go, says {actor}")
        with self._write() as connection:
            head, count = _told(connection, kept, [event], now)
            changed = connection.execute(
                update(rollouts)
                .where(rollouts.c.id == identity, rollouts.c.revision == kept.revision)
                .values(
                    state=_dump(replace(kept.state, preserved=False)), head=head, events=count,
                    revision=kept.revision + 1,
                )
            )  # fmt: skip
            if changed.rowcount != 1:
                raise StoreConflict(f"rollout {identity} was changed meanwhile: try again")

    def get(self, identity: str) -> Rollout:
        """The rollout; KeyError when there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(select(rollouts).where(rollouts.c.id == identity)).mappings().first()
        if row is None:
            raise KeyError(identity)
        return _rollout(row)

    def latest(self, service: str, environment: str) -> Rollout | None:
        """The rollout that began last, running or not; what waits its turn has not begun."""
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

    def judged(self, service: str, environment: str, limit: int) -> tuple[tuple[float, JudgeState], ...]:
        """What the judges of the newest finished rollouts knew at the end, where there was something to compare, each
        with the time at which the rollout began."""
        query = select(rollouts.c.created_at, rollouts.c.judge)
        query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
        query = query.where(rollouts.c.status.in_(_FINAL), rollouts.c.old.is_not(None))
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(limit))
            return tuple((at, judge) for at, body in found if (judge := read_judge(body)) is not None)

    def serving(self, service: str, environment: str) -> tuple[str, ...]:
        """The good versions of the environment: the one that serves all requests, then the one before, and so on.
        A version that was gone back from is not among them."""
        query = (
            select(rollouts.c.version, rollouts.c.status, rollouts.c.state)
            .where(rollouts.c.service == service, rollouts.c.environment == environment)
            .where(rollouts.c.status.in_((Status.COMPLETED.value, Status.ROLLED_BACK.value)))
        )
        good: list[str] = []
        with self._engine.connect() as connection:
            for version, status, state in connection.execute(query.order_by(rollouts.c.created_at)):
                if status != Status.COMPLETED.value and not state.get("dark"):
                    continue
                if state["pace"] == Pace.FAST.value and version in good:
                    del good[good.index(version) + 1 :]
                else:
                    good = [other for other in good if other != version] + [version]
        return tuple(reversed(good))

    def unfinished(self) -> tuple[str, ...]:
        """Ids of the rollouts under way, oldest first."""
        query = select(rollouts.c.id).where(rollouts.c.status.in_(_ACTIVE)).order_by(rollouts.c.created_at)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    def queued(self, service: str | None = None, environment: str | None = None) -> tuple[Rollout, ...]:
        """Rollouts that wait their turn, oldest first."""
        query = select(rollouts).where(rollouts.c.status == Status.QUEUED.value)
        if service and environment:
            query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(rollouts.c.created_at)).mappings()
            return tuple(_rollout(row) for row in found)

    def members(self, release: str) -> tuple[Rollout, ...]:
        """The rollouts of a release, in the order in which they were asked for."""
        query = select(rollouts).where(rollouts.c.release == release)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(rollouts.c.created_at, rollouts.c.id)).mappings()
            return tuple(_rollout(row) for row in found)

    def open_releases(self) -> tuple[str, ...]:
        """Ids of the releases of several services of which anything is under way, waits, or has just ended."""
        # Two questions, so that each finds its index: joined by OR they would read every rollout there ever was.
        recent = (
            rollouts.c.status.in_((*_ACTIVE, Status.QUEUED.value)),
            rollouts.c.finished_at > time.time() - _JUST,
        )
        found: dict[str, None] = {}
        with self._engine.connect() as connection:
            for where in recent:
                query = select(rollouts.c.release).where(where, rollouts.c.release.is_not(None)).distinct()
                found |= dict.fromkeys(connection.scalars(query))
        return tuple(found)

    def commanded(self) -> frozenset[str]:
        """Ids of the rollouts that somebody has asked something of."""
        query = select(commands.c.rollout).where(commands.c.outcome.is_(None)).distinct()
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(query))

    def settled(self) -> tuple[Rollout, ...]:
        """The last rollout of each environment, where it is finished: what is to be kept up there."""
        newest = (
            select(rollouts.c.service, rollouts.c.environment, func.max(rollouts.c.created_at).label("at"))
            .where(rollouts.c.status.in_(_BEGUN))
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

    def record(self, rollout: Rollout, decision: Decision, judge: JudgeState | None, live: LiveView) -> Rollout:
        """State, judge's sums, events and outcomes of commands, all at once. Raises StoreConflict when somebody
        else has recorded since `rollout` was read."""
        state, now = decision.state, decision.state.at
        with self._write() as connection:
            head, count = _told(connection, rollout, decision.events, now)
            changed = connection.execute(
                update(rollouts)
                .where(rollouts.c.id == rollout.id, rollouts.c.revision == rollout.revision)
                .values(
                    revision=rollout.revision + 1, status=state.status.value, state=_dump(state),
                    judge=judge.to_dict() if judge else None,
                    live=live.to_dict(), head=head, events=count,
                    finished_at=rollout.finished_at or (now if state.status.final else None),
                )
            )  # fmt: skip
            if changed.rowcount != 1:
                raise StoreConflict(f"rollout {rollout.id} was changed by another worker")
            for identity, outcome in decision.answered:
                connection.execute(update(commands).where(commands.c.id == identity).values(outcome=outcome))
        return replace(
            rollout, state=state, judge=judge, live=live, head=head, events=count, revision=rollout.revision + 1,
            finished_at=rollout.finished_at or (now if state.status.final else None),
        )  # fmt: skip

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
        if recorded.plan.hash != recorded.plan_hash:
            return "the plan is not the one the rollout began with"
        return broken_link(recorded.plan_hash, recorded.head, recorded.events, self.events(rollout))

    # ── within ─────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self) -> Any:
        return self._engine.begin()

    def _alone(self, connection: Connection, place: str) -> None:
        """Nobody else begins anything in this place until the transaction ends; a file has one writer anyway."""
        if not self._file:
            number = int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big", signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(number)))

    def _first(self, connection: Connection, service: str, environment: str, *, active: bool) -> RowMapping | None:
        query = select(rollouts).where(rollouts.c.service == service, rollouts.c.environment == environment)
        query = query.where(rollouts.c.status.in_(_ACTIVE if active else _BEGUN))
        return connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(1)).mappings().first()


def _told(connection: Connection, rollout: Rollout, new: Sequence[Event], now: float) -> tuple[str, int]:
    subject = Subject(
        rollout.id, rollout.service, rollout.environment, rollout.version, rollout.old or "", rollout.actor,
        rollout.plan_hash,
    )  # fmt: skip
    return _happened(connection, subject, rollout.snapshot, rollout.head, rollout.events, new, now)


def _happened(
    connection: Connection,
    subject: Subject,
    snapshot: Snapshot,
    head: str,
    count: int,
    new: Sequence[Event],
    now: float,
) -> tuple[str, int]:
    """Events, and the messages about them, in one transaction: what happened is told, and nothing else (rule 12)."""
    head, count, recorded = append(connection, subject.id, head, count, new, now)
    channels = snapshot.notify
    if channels and recorded:
        paged = is_paged(connection, subject.id, recorded[0].number)
        for one in recorded:
            happened = Happened(one.number, one.at, one.type, one.sentence, one.data)
            message = message_of(replace(subject, paged=paged), happened)
            paged = (paged or message.incident is Incident.TRIGGER) and message.incident is not Incident.RESOLVE
            post(connection, message, channels, now)
    return head, count


def _start_event(plan: Plan, state: RolloutState, actor: str) -> Event:
    before = f"{state.old} is stable" if state.old else "nothing was there before"
    glass = f" with the glass broken: {state.reason}" if state.pace is Pace.URGENT else ""
    back = state.pace is Pace.FAST
    way = (
        f"{plan.environment} goes back to {plan.version}" if back else f"{plan.version} rolls out to {plan.environment}"
    )
    return Event(
        "rollout-started",
        f"{way}, started by {actor}{glass}; {before}",
        {"plan": plan.hash, "pace": state.pace.value, "version": plan.version, "old": state.old or ""},
    )


def _dump(state: RolloutState) -> dict[str, Any]:
    dumped: dict[str, Any] = msgspec.to_builtins(state)
    return dumped


_DECODED = ("status", "plan", "target", "state", "judge", "live")


def _rollout(row: RowMapping) -> Rollout:
    return Rollout(
        **{key: value for key, value in row.items() if key not in _DECODED},
        plan=read_plan(row["plan"]),
        snapshot=read_snapshot(row["target"]),
        state=msgspec.convert(row["state"], RolloutState),
        judge=read_judge(row["judge"]),
        live=read_live(row["live"]),
    )


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
