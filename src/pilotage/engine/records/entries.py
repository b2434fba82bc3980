"""What is written of a rollout within a transaction that the caller holds: its creation, start, withdrawal, end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Insert,
    Table,
    Update,
    bindparam,
    insert,
    select,
    update,
)

from pilotage.engine.integrity import heads, sealing
from pilotage.engine.integrity.heads import Kind
from pilotage.engine.integrity.sealing import Seal
from pilotage.engine.records import chronicle, environments
from pilotage.engine.records.at_work import note_made
from pilotage.engine.records.chronicle import Told
from pilotage.engine.records.replies import TOO_LATE as TOO_LATE
from pilotage.engine.records.replies import reply_to_rest
from pilotage.engine.records.rows import readable
from pilotage.engine.records.statements import encoded, plan_row, snapshot_row, state_columns
from pilotage.engine.records.tables import QUEUED_RANK, commands, judge_states, live_views, plans, rollouts, snapshots
from pilotage.model.events import RolloutCancelled
from pilotage.model.json import Json, JsonObject
from pilotage.model.live import JudgeState, LiveView
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Event, RolloutState, Status
from pilotage.model.snapshot import Snapshot, read_snapshot
from pilotage.model.stored_state import to_data
from pilotage.report.telling import Subject

Columns: TypeAlias = "Mapping[str, Json | ColumnElement[int]]"
"""New values of a row, by column."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A requested rollout. queued: it waits in the queue · group_id: of a release of several services · more: events
    right after its first one."""

    plan: Plan
    state: RolloutState
    snapshot: Snapshot
    actor: str
    queued: bool = False
    group_id: str | None = None
    more: Sequence[Event] = ()


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """A look at which nothing happened: no column of the rollout's row changes but its state."""

    rollout: Rollout
    state: RolloutState
    judge: JudgeState | None
    live: LiveView

    def recorded(self) -> Rollout:
        """The rollout once that is recorded."""
        return replace(
            self.rollout, state=self.state, judge=self.judge, live=self.live, revision=self.rollout.revision + 1
        )


def enter(connection: Connection, wanted: Wanted, now: float) -> str:
    """A new rollout with its first events, started unless it waits; returns its id."""
    plan = wanted.plan
    state = replace(wanted.state, status=Status.QUEUED) if wanted.queued else wanted.state
    identity = f"{plan.service}-{plan.environment}-{uuid.uuid4().hex[:8]}"
    snapshot = snapshot_row(wanted.snapshot)
    note_made(connection, "rollout", identity)
    _once(connection, plans, plan_row(plan))
    _once(connection, snapshots, snapshot)
    place = environments.known(connection, plan.service, plan.environment)
    sequence = None if wanted.queued else environments.next_sequence(connection, plan.service, plan.environment, place)
    connection.execute(
        insert(rollouts).values(
            id=identity, service=plan.service, environment=plan.environment, sequence=sequence,
            rank=QUEUED_RANK if sequence is None else sequence, version=plan.version, actor=wanted.actor,
            created_at=now, started_at=None if wanted.queued else now, paged=0,
            kind=plan.answers.release_type.value, strategy=plan.answers.deployment_strategy.value,
            plan_hash=plan.hash, snapshot=snapshot["hash"], group_id=wanted.group_id, head=plan.hash, events=0,
            part=wanted.snapshot.to_dict()["release"], **state_columns(plan, state),
        )
    )  # fmt: skip
    first = chronicle.queued(plan, wanted.actor) if wanted.queued else chronicle.started(plan, state, wanted.actor)
    subject = Subject(
        identity, plan.service, plan.environment, plan.version, state.old or "", wanted.actor, plan.hash
    )  # fmt: skip
    seal, new = sealing.entry(connection, identity), [first, *wanted.more]
    told = chronicle.tell(connection, subject, wanted.snapshot, Told(plan.hash, 0, False), new, now, seal)
    change(connection, identity, told.columns())
    sealing.link(connection, plan.service, plan.environment, identity, 1)
    heads.note(connection, identity, Kind.QUEUED if wanted.queued else Kind.STARTED, now)
    return identity


def start(connection: Connection, waiting: Rollout, state: RolloutState, now: float) -> None:
    """A queued rollout starts, with `state`."""
    place = environments.known(connection, waiting.service, waiting.environment)
    sequence = environments.next_sequence(connection, waiting.service, waiting.environment, place)
    event = chronicle.started(waiting.plan, state, waiting.actor)
    subject, before = chronicle.subject_of(waiting), chronicle.so_far(waiting)
    seal = sealing.start(connection, waiting.id, old=state.old, sequence=sequence, now=now)
    told = chronicle.tell(connection, subject, waiting.snapshot, before, [event], now, seal)
    columns: dict[str, Json | ColumnElement[int]] = {**state_columns(waiting.plan, state), **told.columns()}
    columns |= {"sequence": sequence, "rank": sequence, "started_at": now, "revision": rollouts.c.revision + 1}
    change(connection, waiting.id, columns)
    sealing.link(connection, waiting.service, waiting.environment, waiting.id, before.count + 1)
    heads.note(connection, waiting.id, Kind.STARTED, now)


def withdraw(connection: Connection, identity: str, actor: str, now: float) -> bool:
    """End a rollout that still waits, whether its plan can be read or not; False when it waits no more."""
    query = (
        select(rollouts, snapshots.c.body)
        .outerjoin(snapshots, snapshots.c.hash == rollouts.c.snapshot)
        .where(rollouts.c.id == identity)
        .with_for_update(of=rollouts)
    )
    row = connection.execute(query).mappings().one()
    if row["status"] != Status.QUEUED.value:
        return False
    reason = f"cancelled by {actor}"
    place = environments.known(connection, row["service"], row["environment"])
    event = RolloutCancelled(version=row["version"], actor=actor).record()
    subject = Subject(
        identity, row["service"], row["environment"], row["version"], row["old"] or "", row["actor"], row["plan_hash"]
    )
    state = readable(row["state"])
    text = encoded({**state, "status": Status.CANCELLED.value, "reason": reason}) if state else row["state"]
    columns = {"status": Status.CANCELLED.value, "reason": reason, "state": text, "finished_at": now, "rank": place}
    seal, before = ends_with(connection, identity, columns), Told(row["head"], row["events"], bool(row["paged"]))
    told = chronicle.tell(connection, subject, read_snapshot(readable(row["body"])), before, [event], now, seal)
    change(connection, identity, {**columns, **told.columns(), "revision": rollouts.c.revision + 1})
    close_commands(connection, identity, Status.CANCELLED, now)
    heads.note(connection, identity, Kind.ENDED, now)
    return True


def ends_with(connection: Connection, rollout: str, columns: JsonObject) -> Seal:
    """What the last event of a rollout fixes that ends with these columns."""
    commanded = sealing.asked(connection, rollout, (), ends=True)
    return Seal(first={}, last={**commanded, **sealing.end(connection, rollout, columns)})


def command(
    connection: Connection, rollout: str, kind: CommandKind, actor: str, reason: str, now: float, *, full: bool
) -> int:
    """Write a command down; returns its id."""
    values = {"rollout": rollout, "kind": kind.value, "actor": actor, "reason": reason, "full": int(full)}
    result = connection.execute(insert(commands).values(**values, at=now))
    number = int(result.inserted_primary_key[0] if result.inserted_primary_key else 0)
    note_made(connection, "command", str(number))
    return number


def close_commands(connection: Connection, rollout: str, status: Status, now: float) -> None:
    """Answer the open commands of a rollout that has ended."""
    reply_to_rest(connection, commands, rollout, f"{TOO_LATE}: the rollout is {status}", now)


def change(connection: Connection, identity: str, columns: Columns) -> None:
    connection.execute(update(rollouts).where(rollouts.c.id == identity).values(**columns))


def keep_beside(connection: Connection, identity: str, revision: int, judge: JudgeState | None, live: LiveView) -> None:
    """The judge's sums and the last look."""
    if judge is not None:
        sums: JsonObject = {"revision": revision, "body": encoded(judge.to_dict())}
        _put(connection, judge_states, judge_states.c.rollout, identity, sums)
    _put(connection, live_views, live_views.c.rollout, identity, {"body": encoded(live.to_dict())})


def note_quiet(connection: Connection, rows: Sequence[JsonObject]) -> int:
    """Several looks at which nothing happened (`quiet_row`); returns how many rollouts were still as they had been
    read. Unless all of them were, the transaction is to be rolled back."""
    changed = connection.execute(_quiet_state(), rows).rowcount
    if changed == len(rows):
        judged = [row for row in rows if row["judge"] is not None]
        if judged:
            connection.execute(_quiet_judge(connection.dialect.name), judged)
        connection.execute(_quiet_live(connection.dialect.name), rows)
    return changed


def quiet_row(quiet: Quiet) -> JsonObject:
    """What `note_quiet` takes. Raises ValueError where something is no JSON."""
    before = quiet.rollout.revision
    return {
        "of": quiet.rollout.id, "before": before, "after": before + 1, "text": encoded(to_data(quiet.state)),
        "judge": encoded(quiet.judge.to_dict()) if quiet.judge else None, "live": encoded(quiet.live.to_dict()),
    }  # fmt: skip


@cache
def _quiet_state() -> Update:
    mine = update(rollouts).where(rollouts.c.id == bindparam("of"), rollouts.c.revision == bindparam("before"))
    return mine.values(state=bindparam("text"), revision=bindparam("after"))


@cache
def _quiet_judge(dialect: str) -> Insert:
    given: dict[str, BindParameter[str]] = {
        "rollout": bindparam("of"),
        "revision": bindparam("after"),
        "body": bindparam("judge"),
    }
    return _in_place_of(dialect, judge_states, given)


@cache
def _quiet_live(dialect: str) -> Insert:
    return _in_place_of(dialect, live_views, {"rollout": bindparam("of"), "body": bindparam("live")})


def _in_place_of(dialect: str, table: Table, given: Mapping[str, BindParameter[str]]) -> Insert:
    """A row instead of the rollout's row that is there."""
    from sqlalchemy.dialects.postgresql import insert as insert_there
    from sqlalchemy.dialects.sqlite import insert as insert_here

    row = (insert_here if dialect == "sqlite" else insert_there)(table).values(given)
    kept = {name: row.excluded[name] for name in given if name != "rollout"}
    return row.on_conflict_do_update(index_elements=["rollout"], set_=kept)


def _put(connection: Connection, table: Table, key: Column[str], identity: str, values: JsonObject) -> None:
    if connection.execute(update(table).where(key == identity).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(rollout=identity, **values))


def _once(connection: Connection, table: Table, row: JsonObject) -> None:
    """Insert a body if it is new; of two simultaneous writers, one does."""
    from sqlalchemy.dialects.postgresql import insert as insert_there
    from sqlalchemy.dialects.sqlite import insert as insert_here

    once = insert_here if connection.dialect.name == "sqlite" else insert_there
    connection.execute(once(table).values(**row).on_conflict_do_nothing(index_elements=["hash"]))
