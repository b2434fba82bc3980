"""Everything that outlives a process: rollouts, their events, the commands people gave.

A rollout's state, its events and the outcomes of its commands change in one transaction, or not at all. The events
of a rollout form a chain: each carries the hash of the one before, the first that of the plan. Rollouts of an
environment are in the order in which they started (`sequence`). Reads never wait for a writer, nor keep one waiting.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, func, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.adapters.clock import SYSTEM
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.integrity import heads, sealing
from pilotage.engine.integrity.heads import Kind
from pilotage.engine.integrity.sealing import Seal
from pilotage.engine.placement.places import claim, home_of, known
from pilotage.engine.records import entries, environments, outbox
from pilotage.engine.records.chronicle import so_far, subject_of, tell
from pilotage.engine.records.database import LONGEST_WAIT, checkpoint, open_database
from pilotage.engine.records.entries import Quiet, Wanted
from pilotage.engine.records.freezes import Freezes
from pilotage.engine.records.home import Home
from pilotage.engine.records.rows import ACTIVE, FINAL, newest_first, parsed, summary, whole
from pilotage.engine.records.statements import clock, state_columns, summaries, wholes
from pilotage.engine.records.tables import commands, events, judge_states, rollouts
from pilotage.engine.records.tables import environments as places
from pilotage.model.clock import Clock
from pilotage.model.errors import Conflict
from pilotage.model.events import EnvironmentReleased
from pilotage.model.live import NOTHING_SEEN, JudgeState, LiveView, read_judge, read_live
from pilotage.model.plan import Plan
from pilotage.model.progress import BlueGreenProgress
from pilotage.model.record import Recorded, Rollout, RolloutSummary
from pilotage.model.rollout import Command, CommandKind, Decision, Event, RolloutState, Status
from pilotage.model.snapshot import Snapshot

__all__ = ["Store", "StoreConflict", "Wanted"]

_JUST = 3600.0
"""Seconds for which a release that has ended is looked at again: its worker may have been away."""


class StoreConflict(Conflict):
    """The store holds something that forbids what was asked, such as another rollout under way."""


class Store:
    """Opens (and brings up to date) the store of `directory`: a file in it, or the database that `url` or the
    environment names. clock: by which all that use this store decide."""

    def __init__(self, directory: Path, url: str | None = None, clock: Clock = SYSTEM) -> None:
        self.directory, self.clock = directory, clock
        self._engine = open_database(directory, url)
        self._file = self._engine.dialect.name == "sqlite"
        self._turn = threading.Lock()
        self.freezes = Freezes(self._engine)

    @property
    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """A file has one writer. Threads of this process wait here for one another and not inside of SQLite, which asks
        again and again; where another process keeps the file, nobody waits here for longer than there."""
        taken = self._file and self._turn.acquire(timeout=LONGEST_WAIT)
        try:
            yield
        finally:
            if taken:
                self._turn.release()

    # ── begun ──────────────────────────────────────────────────────────────────────────────────────────────

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
        wanted = Wanted(
            plan=plan, state=state, snapshot=snapshot, actor=actor, queued=queued, release=release, more=more
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

    def supersede(self, wanted: Wanted, running: str, now: float) -> Rollout:
        """Let a rollout take the place of the `running` one and of all that waits there: those are withdrawn, this one
        waits, and the running one is asked to abort, all at once."""
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

    def release(self, identity: str, state: RolloutState, now: float) -> Rollout | None:
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

    def clean(self, identity: str, actor: str, now: float) -> None:
        """The failed environment that was kept for study may go: its keeper stops it. Raises StoreConflict."""
        kept = self.get(identity)
        event = EnvironmentReleased(version=kept.version, actor=actor).record()
        state = replace(kept.state, progress=BlueGreenProgress())
        with self._engine.begin() as connection:
            told = tell(connection, subject_of(kept), kept.snapshot, so_far(kept), [event], now)
            self._change(connection, kept, {**state_columns(kept.plan, state), **told.columns()})

    # ── one ────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, identity: str) -> Rollout:
        """The rollout. Raises KeyError when there is none, Unreadable when its plan, configuration or state is not one
        that this version knows."""
        row = self._first(wholes().where(rollouts.c.id == identity))
        if row is None:
            raise KeyError(identity)
        return whole(row)

    def latest(self, service: str, environment: str) -> Rollout | None:
        """The rollout that started last, running or not; what waits its turn has not started. Raises Unreadable."""
        row = self._first(_started(wholes(), service, environment))
        return whole(row) if row else None

    def newest(self, service: str, environment: str) -> RolloutSummary | None:
        """What the columns of `latest` say, readable or not."""
        row = self._first(_started(summaries(), service, environment))
        return summary(row) if row else None

    def look_up(self, identity: str) -> RolloutSummary:
        """What the columns of a rollout say, readable or not. Raises KeyError."""
        row = self._first(summaries().where(rollouts.c.id == identity))
        if row is None:
            raise KeyError(identity)
        return summary(row)

    # ── lists ──────────────────────────────────────────────────────────────────────────────────────────────

    def history(self, service: str, environment: str | None = None, limit: int = 50) -> tuple[RolloutSummary, ...]:
        """Rollouts, newest first: what waits, then in the order of their starts. Of several environments by time."""
        with self._engine.connect() as connection:
            named = select(places.c.environment).where(places.c.service == service)
            there = [environment] if environment else list(connection.scalars(named))
            found = [connection.execute(_listed(service, name, limit)).mappings().all() for name in there]
        return newest_first([[summary(row) for row in rows] for rows in found], limit)

    def live_views(self, identities: Sequence[str]) -> dict[str, LiveView]:
        """The last look at each of these."""
        from pilotage.engine.records.tables import live_views

        query = select(live_views.c.rollout, live_views.c.body).where(live_views.c.rollout.in_(identities))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = {row.rollout: read_live(parsed(row.body)) for row in rows}
        return {identity: found.get(identity, NOTHING_SEEN) for identity in identities}

    def judged(self, service: str, environment: str, limit: int) -> tuple[tuple[float, JudgeState], ...]:
        """What the judges of the newest finished rollouts knew at the end, where there was something to compare, each
        with the time at which the rollout began."""
        query = (
            select(rollouts.c.started_at, judge_states.c.body)
            .join(judge_states, judge_states.c.rollout == rollouts.c.id)
            .where(rollouts.c.service == service, rollouts.c.environment == environment)
            .where(rollouts.c.status.in_(FINAL), rollouts.c.old.is_not(None), rollouts.c.sequence.is_not(None))
            .order_by(rollouts.c.sequence.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        read = ((row.started_at, read_judge(parsed(row.body))) for row in rows)
        return tuple((at, judge) for at, judge in read if judge is not None)

    def serving(self, service: str, environment: str) -> tuple[str, ...]:
        """The good versions of the environment: the one that serves all requests, then the one before, and so on.
        A version that was gone back from is not among them."""
        with self._engine.connect() as connection:
            return environments.serving(connection, service, environment)

    def places(self) -> tuple[tuple[str, str], ...]:
        """Service and environment of everything that is known."""
        return known(self._engine)

    def home(self, directory: Path, service: str, environment: str) -> Home | None:
        """Where an environment is; None where it has no home yet."""
        return home_of(self._engine, directory, service, environment)

    def untold(self) -> tuple[tuple[str, int, str], ...]:
        """Channels through which something was not told: name, number of messages, and why the last try failed."""
        found = outbox.health(self._engine)
        return tuple((one.channel, one.dead + one.waiting, one.error) for one in found if one.error)

    def unsigned(self) -> tuple[int, str]:
        """How many heads of event chains could not be signed or anchored, and why the last one could not."""
        return heads.trouble(self._engine)

    def unfinished(self) -> tuple[str, ...]:
        """Ids of the rollouts under way, oldest first."""
        query = select(rollouts.c.id).where(rollouts.c.status.in_(ACTIVE)).order_by(rollouts.c.created_at)
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query))

    def active(self) -> tuple[RolloutSummary, ...]:
        """The rollouts under way, oldest first."""
        return self._list(summaries().where(rollouts.c.status.in_(ACTIVE)).order_by(rollouts.c.created_at))

    def queued(self, service: str | None = None, environment: str | None = None) -> tuple[RolloutSummary, ...]:
        """Rollouts that wait their turn, oldest first."""
        query = summaries().where(rollouts.c.status == Status.QUEUED.value)
        if service and environment:
            query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
        return self._list(query.order_by(rollouts.c.created_at))

    def members(self, release: str) -> tuple[RolloutSummary, ...]:
        """The rollouts of a release, in the order in which they were asked for."""
        return self._list(
            summaries().where(rollouts.c.release == release).order_by(rollouts.c.created_at, rollouts.c.id)
        )

    def settled(self) -> tuple[RolloutSummary, ...]:
        """The last rollout of each environment, where it is finished: what is to be kept up there."""
        query = summaries().join(
            places,
            (places.c.service == rollouts.c.service)
            & (places.c.environment == rollouts.c.environment)
            & (places.c.sequence == rollouts.c.sequence),
        )
        return self._list(query.where(rollouts.c.status.in_(FINAL)))

    def open_releases(self, now: float) -> tuple[str, ...]:
        """Ids of the releases of several services of which anything is under way, waits, or has just ended."""
        # Two questions, so that each finds its index: joined by OR they would read every rollout there ever was.
        recent = (
            rollouts.c.status.in_((*ACTIVE, Status.QUEUED.value)),
            rollouts.c.finished_at > now - _JUST,
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

    # ── changes ────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, rollout: Rollout, decision: Decision, judge: JudgeState | None, live: LiveView) -> Rollout:
        """State, judge's sums, events and outcomes of commands, all at once; with its end also what serves, and that it
        is too late for what else was asked. Raises StoreConflict when somebody else has recorded since `rollout` was
        read."""
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
                connection.execute(update(commands).where(commands.c.id == identity).values(outcome=outcome))
            if ends:
                environments.ended(connection, rollout.service, rollout.environment, state)
                entries.close_commands(connection, rollout.id, state.status)
                heads.note(connection, rollout.id, Kind.ENDED, now)
        if ends:
            checkpoint(self._engine)
        return replace(
            rollout, state=state, judge=judge, live=live, head=told.head, events=told.count, paged=told.paged,
            revision=rollout.revision + 1, finished_at=finished,
        )  # fmt: skip

    def record_quiet(self, several: Sequence[Quiet]) -> None:
        """Looks at which nothing happened, of as many rollouts, all at once. Raises StoreConflict when somebody else
        has recorded since one of them was read; then none is recorded."""
        rows = [entries.quiet_row(quiet) for quiet in sorted(several, key=lambda one: one.rollout.id)]
        with self.in_turn(), self._engine.begin() as connection:
            if entries.note_quiet(connection, rows) != len(rows):
                raise StoreConflict(f"one of {len(rows)} rollouts was changed by another worker")

    def command(self, rollout: str, kind: CommandKind, actor: str, reason: str = "", full: bool = False) -> int:
        """Ask something of a running rollout; returns the command's id, to look up its outcome. Raises KeyError where
        there is no such rollout, StoreConflict where it is over."""
        query = select(rollouts.c.version, rollouts.c.status).where(rollouts.c.id == rollout).with_for_update()
        with self._engine.begin() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise KeyError(rollout)
            if row.status in FINAL:
                raise StoreConflict(f"{row.version} is {row.status}: it is too late to {kind}")
            return entries.command(connection, rollout, kind, actor, reason, self.clock.now(), full=full)

    def pending(self, rollout: str) -> tuple[Command, ...]:
        """Commands nobody has taken up yet, in the order they were given."""
        query = select(commands).where(commands.c.rollout == rollout, commands.c.outcome.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(commands.c.id)).mappings().all()
        return tuple(
            Command(row["id"], CommandKind(row["kind"]), row["actor"], row["reason"], bool(row["full"])) for row in rows
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
            rows = connection.execute(query.order_by(events.c.number)).mappings().all()
        return tuple(Recorded(**row) for row in rows)

    def broken_link(self, rollout: str) -> str | None:
        """What is wrong with a rollout's chain of events, or with what its events say about its row, in a sentence;
        None when it is whole. Raises KeyError."""
        from pilotage.engine.integrity.cases import case_of
        from pilotage.engine.integrity.derivation import differences

        with self._engine.connect() as connection:
            found = differences(case_of(connection, rollout))
        return found[0] if found else None

    # ── within ─────────────────────────────────────────────────────────────────────────────────────────────

    def _first(self, query: Select[Any]) -> RowMapping | None:
        with self._engine.connect() as connection:
            return connection.execute(query).mappings().first()

    def _list(self, query: Select[Any]) -> tuple[RolloutSummary, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(summary(row) for row in rows)

    def _change(self, connection: Connection, rollout: Rollout, columns: dict[str, Any]) -> None:
        mine = update(rollouts).where(rollouts.c.id == rollout.id, rollouts.c.revision == rollout.revision)
        if connection.execute(mine.values(**columns, revision=rollout.revision + 1)).rowcount != 1:
            raise StoreConflict(f"rollout {rollout.id} was changed by another worker")

    @contextmanager
    def _conflicts(self, rollout: Rollout) -> Iterator[None]:
        """An event that somebody else has recorded meanwhile has our number: that is no trouble of the store."""
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
        """Nobody else begins anything in this place until the transaction ends; a file has one writer anyway."""
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
                f"{active['version']}{of} is rolling out in {place} since {clock(active['created_at'])} "
                f"(by {active['actor']}): wait for it, or `pilotage abort` it"
            )


def _started(query: Select[Any], service: str, environment: str) -> Select[Any]:
    query = query.where(rollouts.c.service == service, rollouts.c.environment == environment)
    return query.where(rollouts.c.sequence.is_not(None)).order_by(rollouts.c.sequence.desc()).limit(1)


def _listed(service: str, environment: str, limit: int) -> Select[Any]:
    query = summaries().where(rollouts.c.service == service, rollouts.c.environment == environment)
    return query.order_by(rollouts.c.rank.desc(), rollouts.c.created_at.desc()).limit(limit)


def _waiting(service: str, environment: str) -> Select[Any]:
    query = select(rollouts.c.id).where(rollouts.c.service == service, rollouts.c.environment == environment)
    return query.where(rollouts.c.status == Status.QUEUED.value).order_by(rollouts.c.created_at)
