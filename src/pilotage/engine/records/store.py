"""Everything that outlives a process: rollouts, their events, and commands.

A rollout's state, its events and the outcomes of its commands change in one transaction, or not at all. The events of a
rollout form a chain: each carries the hash of the previous one, the first that of the plan. Rollouts of an environment
are ordered by their start (`sequence`). Readers and writers never wait for each other.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, Engine, RowMapping, func, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.adapters.clock import SYSTEM
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.integrity import heads, sealing
from pilotage.engine.integrity.heads import Kind
from pilotage.engine.integrity.sealing import Seal
from pilotage.engine.placement.places import claim
from pilotage.engine.records import acts, audit, entries, environments
from pilotage.engine.records.chronicle import open_question, so_far, subject_of, tell
from pilotage.engine.records.database import LONGEST_WAIT, checkpoint, open_database
from pilotage.engine.records.entries import Quiet, Wanted
from pilotage.engine.records.freezes import Freezes
from pilotage.engine.records.last_room import in_last_room
from pilotage.engine.records.older import Older
from pilotage.engine.records.reads import Reads, _waiting
from pilotage.engine.records.replies import reply
from pilotage.engine.records.rows import ACTIVE, FINAL
from pilotage.engine.records.server_records import ServerRecords
from pilotage.engine.records.statements import clock, state_columns
from pilotage.engine.records.tables import commands, rollouts
from pilotage.engine.records.turns import Turns
from pilotage.engine.records.wave_moves import WaveMoves
from pilotage.model.audit import Act
from pilotage.model.clock import Clock
from pilotage.model.errors import Conflict
from pilotage.model.events import EnvironmentRemoved
from pilotage.model.json import JsonObject
from pilotage.model.live import JudgeState, LiveView
from pilotage.model.plan import Plan
from pilotage.model.progress import BlueGreenProgress
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Event, RolloutState, Status
from pilotage.model.snapshot import Snapshot

__all__ = ["Store", "StoreConflict", "Wanted"]


class StoreConflict(Conflict):
    """The store already holds something that rules this out, such as a rollout in progress."""


class Store(Reads, Older, ServerRecords):
    """Opens (and brings up to date) the store of `directory`: a file in it, or the database that `url` or the
    environment names. clock: by which all that use this store decide."""

    def __init__(self, directory: Path, url: str | None = None, clock: Clock = SYSTEM) -> None:
        self.directory, self.clock = directory, clock
        self._engine = open_database(directory, url)
        acts.watch(self._engine, clock)
        self._file = self._engine.dialect.name == "sqlite"
        self._turn = threading.Lock()
        self.turns = Turns(self._engine, directory)
        self.freezes, self.wave_moves = Freezes(self._engine), WaveMoves(self._engine)

    @property
    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        self._engine.dispose()
        self.turns.close()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """A file has one writer. Threads of this process wait for each other here, because SQLite would poll. If
        another process holds the file, nobody waits longer here than there."""
        taken = self._file and self._turn.acquire(timeout=LONGEST_WAIT)
        try:
            yield
        finally:
            if taken:
                self._turn.release()

    # ── started ────────────────────────────────────────────────────────────────────────────────────────────

    def create(
        self,
        plan: Plan,
        state: RolloutState,
        snapshot: Snapshot,
        actor: str,
        now: float,
        *,
        queued: bool = False,
        group_id: str | None = None,
        more: Sequence[Event] = (),
    ) -> Rollout:
        """Record a rollout and its first event. Raises StoreConflict if another one is in progress in the environment;
        `queued`, it waits for that one's end instead (`start_queued`). group_id: of a release of several services ·
        more: events right after its start."""
        wanted = Wanted(
            plan=plan, state=state, snapshot=snapshot, actor=actor, queued=queued, group_id=group_id, more=more
        )
        with self._engine.begin() as connection:
            self._alone(connection, [wanted])
            if not queued:
                self._refuse_beside_another(connection, wanted)
            identity = entries.enter(connection, wanted, now)
            claim(connection, self.directory, plan.service, plan.environment)
        return self.get(identity)

    def create_group(self, wanted: Sequence[Wanted], now: float) -> tuple[Rollout, ...]:
        """Record the rollouts of a release of several services: all of them, or none. Raises StoreConflict while
        another runs in one of their environments."""
        with self._engine.begin() as connection:
            self._alone(connection, wanted)
            for one in wanted:
                self._refuse_beside_another(connection, one, of=f" of {one.plan.service}")
            identities = []
            for one in wanted:
                identities.append(entries.enter(connection, one, now))
                claim(connection, self.directory, one.plan.service, one.plan.environment)
                reach("group-insert")
        return tuple(self.get(identity) for identity in identities)

    def replace(self, wanted: Wanted, running: str, now: float) -> Rollout:
        """Replace the `running` rollout and the queued ones: those are cancelled, this one is queued, and the running
        one gets an abort, in one transaction."""
        with self._engine.begin() as connection:
            self._alone(connection, [wanted])
            for waiting in connection.scalars(_waiting(wanted.plan.service, wanted.plan.environment)).all():
                entries.withdraw(connection, waiting, f"{wanted.actor}, with {wanted.plan.version}", now)
                reach("supersede")
            identity = entries.enter(connection, replace(wanted, queued=True), now)
            reach("supersede")
            status = connection.scalar(select(rollouts.c.status).where(rollouts.c.id == running).with_for_update())
            if status in ACTIVE:
                why = f"superseded by {wanted.plan.version}"
                entries.command(connection, running, CommandKind.ABORT, wanted.actor, why, now, full=False)
        return self.get(identity)

    def start_queued(self, identity: str, state: RolloutState, now: float) -> Rollout | None:
        """A queued rollout starts, with `state`; None when it is not its turn (any more), or another version has come
        to serve since `state` was made of it. Raises Unreadable."""
        waiting = self.get(identity)
        with self._engine.begin() as connection:
            self._alone_in(connection, waiting.service, waiting.environment)
            status = connection.scalar(select(rollouts.c.status).where(rollouts.c.id == identity))
            if status != Status.QUEUED.value or self._active(connection, waiting.service, waiting.environment):
                return None
            if (environments.serving(connection, waiting.service, waiting.environment) or (None,))[0] != state.old:
                return None
            entries.start(connection, waiting, state, now)
        return self.get(identity)

    def withdraw(self, identity: str, actor: str, now: float) -> bool:
        """Cancel a rollout that still waits its turn; False when it waits no more."""
        with self._engine.begin() as connection:
            return entries.withdraw(connection, identity, actor, now)

    def clean_up(self, identity: str, actor: str, now: float) -> None:
        """The failed environment that was kept for study may go: its keeper stops it. Raises StoreConflict."""
        kept = self.get(identity)
        event = EnvironmentRemoved(version=kept.version, actor=actor).record()
        state = replace(kept.state, progress=BlueGreenProgress())
        with self._conflicts(kept), self._engine.begin() as connection:
            told = tell(connection, subject_of(kept), kept.snapshot, so_far(kept), [event], now)
            self._change(connection, kept, {**state_columns(kept.plan, state), **told.columns()})

    def note_after(self, ended: Rollout, event: Event, now: float, act: Act | None = None) -> None:
        """Something was seen after the end of a rollout. act: of a person, for the audit log. Raises StoreConflict if
        another process recorded since `ended` was read."""
        with self._conflicts(ended), self._engine.begin() as connection:
            told = tell(connection, subject_of(ended), ended.snapshot, so_far(ended), [event], now)
            self._change(connection, ended, told.columns())
            if act is not None:
                audit.append(connection, act, now, after=event.data)

    # ── changes ────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, rollout: Rollout, decision: Decision, judge: JudgeState | None, live: LiveView) -> Rollout:
        """State, judge's sums, events and outcomes of commands in one transaction; at the end of the rollout also the
        serving version, and answers to remaining commands. Raises StoreConflict if another process recorded since
        `rollout` was read."""
        state, now = decision.state, decision.state.at
        over = rollout.finished_at is not None
        ends = state.status.final and not over
        finished = now if ends else rollout.finished_at
        judge = judge.at_the_end() if judge and ends else judge
        with self.in_turn(), self._conflicts(rollout), self._engine.begin() as connection:
            if not over:  # the last event has sealed them
                entries.keep_beside(connection, rollout.id, rollout.revision + 1, judge, live)
            columns = {**state_columns(rollout.plan, state), "finished_at": finished}
            answered = [identity for identity, _ in decision.answered]
            asked = sealing.asked(connection, rollout.id, answered, ends=False)
            seal = entries.ends_with(connection, rollout.id, columns) if ends else Seal(first=asked, last={})
            told = tell(connection, subject_of(rollout), rollout.snapshot, so_far(rollout), decision.events, now, seal)
            columns |= told.columns()
            self._change(connection, rollout, columns)
            for identity, outcome in decision.answered:
                reply(connection, commands, identity, outcome, now)
            if ends:
                environments.ended(connection, rollout.service, rollout.environment, state)
                entries.close_commands(connection, rollout.id, state.status, now)
                heads.note(connection, rollout.id, Kind.ENDED, now)
        if ends:
            checkpoint(self._engine)
        return replace(
            rollout, state=state, judge=judge, live=live, head=told.head, events=told.count, paged=told.paged,
            revision=rollout.revision + 1, finished_at=finished,
        )  # fmt: skip

    def record_quiet(self, several: Sequence[Quiet]) -> None:
        """Looks without events, of as many rollouts, in one transaction. Raises StoreConflict if another process
        recorded since one of them was read; then none is recorded."""
        rows = [entries.quiet_row(quiet) for quiet in sorted(several, key=lambda one: one.rollout.id)]
        with self.in_turn(), self._engine.begin() as connection:
            if entries.note_quiet(connection, rows) != len(rows):
                raise StoreConflict(f"one of {len(rows)} rollouts was changed by another worker")

    def command(
        self, rollout: str, kind: CommandKind, actor: str, reason: str = "", full: bool = False,
        about: int | None = None, as_of: tuple[str, str] | None = None,
    ) -> int:  # fmt: skip
        """Ask something of a running rollout; returns the command's id, to look up its outcome. about: the number of
        the event with the question that this answers · as_of: status and step's id as the person saw them. Raises
        KeyError where there is no such rollout, StoreConflict where it is over, where that question is no longer open,
        or where status or step have changed."""
        columns = (rollouts.c.version, rollouts.c.status, rollouts.c.step)
        query = select(*columns).where(rollouts.c.id == rollout).with_for_update()

        def check(connection: Connection) -> None:
            row = connection.execute(query).first()
            if row is None:
                raise KeyError(rollout)
            if row.status in FINAL:
                raise StoreConflict(f"{row.version} is {row.status}: too late to {kind}")
            if about is not None and open_question(connection, rollout) != about:
                raise StoreConflict("this question is no longer open")
            if as_of not in (None, (row.status, row.step)):
                raise StoreConflict(f"{row.version} is {row.status} at step {row.step} by now")

        def record() -> int:
            with self._engine.begin() as connection:
                check(connection)
                return entries.command(connection, rollout, kind, actor, reason, self.clock.now(), full=full)

        return in_last_room(self.directory, record) if kind is CommandKind.ABORT and self._file else record()

    def _change(self, connection: Connection, rollout: Rollout, columns: JsonObject) -> None:
        mine = update(rollouts).where(rollouts.c.id == rollout.id, rollouts.c.revision == rollout.revision)
        if connection.execute(mine.values(**columns, revision=rollout.revision + 1)).rowcount != 1:
            raise StoreConflict(f"rollout {rollout.id} was changed by another worker")

    @contextmanager
    def _conflicts(self, rollout: Rollout) -> Iterator[None]:
        """If an event of another process has the same number, that is a conflict and not an error of the store."""
        try:
            yield
        except IntegrityError as error:
            if self.look_up(rollout.id).revision == rollout.revision:
                raise
            raise StoreConflict(f"rollout {rollout.id} was changed by another worker") from error

    def _alone(self, connection: Connection, wanted: Sequence[Wanted]) -> None:
        for service, environment in sorted({(one.plan.service, one.plan.environment) for one in wanted}):
            self._alone_in(connection, service, environment)

    def _alone_in(self, connection: Connection, service: str, environment: str) -> None:
        """Nobody else starts anything in this place until the transaction ends; a file has one writer anyway."""
        if not self._file:
            digest = hashlib.sha256(f"{service}/{environment}".encode()).digest()
            connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], "big", signed=True))))

    def _active(self, connection: Connection, service: str, environment: str) -> RowMapping | None:
        query = select(rollouts.c.version, rollouts.c.created_at, rollouts.c.actor)
        query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
        return connection.execute(query.where(rollouts.c.status.in_(ACTIVE))).mappings().first()

    def _refuse_beside_another(self, connection: Connection, wanted: Wanted, of: str = "") -> None:
        place = wanted.plan.environment
        if active := self._active(connection, wanted.plan.service, place):
            raise StoreConflict(
                f"{active['version']}{of} has been rolling out in {place} since {clock(active['created_at'])} "
                f"(by {active['actor']}): wait for it, or `pilotage abort` it"
            )
