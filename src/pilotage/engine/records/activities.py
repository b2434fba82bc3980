"""Stored schedules with their activities and milestones, and reminders of what is overdue.

A schedule is tracked from the first `track` until its release has reached everyone, or somebody drops it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, delete, insert, select, update

from pilotage.engine.records import outbox
from pilotage.engine.records.tables import rollouts
from pilotage.engine.records.tables_beside import activities, announcements, schedules
from pilotage.model.activity import ItemState, MetBy, NotTracked, TrackedItem, TrackedPhase, TrackedRelease
from pilotage.model.announcement import OPEN, State
from pilotage.model.clock import day_of
from pilotage.model.json import Json, JsonObject, list_at, text_at, whole_at
from pilotage.model.message import Message, Severity
from pilotage.model.rollout import Mode, Status

BY_ITSELF = "pilotage"
"""Actor of what was seen."""

_MOST_NAMED = 8
"""Overdue items that a reminder names; it counts the others."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """What is said of an item. note: why, or what was seen · actor: who · at: Unix seconds."""

    state: ItemState
    met_by: MetBy
    note: str
    actor: str
    at: float


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def tracked(engine: Engine, service: str, environment: str, version: str) -> TrackedRelease | None:
    """The schedule of a release, None where none is tracked."""
    with engine.connect() as connection:
        row = connection.execute(select(schedules).where(_is(service, environment, version))).mappings().first()
        return _release(connection, row) if row else None


def tracked_in(
    engine: Engine, service: str | None = None, environment: str | None = None
) -> tuple[TrackedRelease, ...]:
    """All that people still work on, by their release date; of any service or environment where none is named."""
    query = select(schedules).where(schedules.c.dropped == "")
    if service is not None:
        query = query.where(schedules.c.service == service)
    if environment is not None:
        query = query.where(schedules.c.environment == environment)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(schedules.c.release_date, schedules.c.id)).mappings().all()
        return tuple(_release(connection, row) for row in rows)


def _is(service: str, environment: str, version: str) -> ColumnElement[bool]:
    mine = (schedules.c.service == service, schedules.c.environment == environment, schedules.c.version == version)
    return and_(*mine)


def _release(connection: Connection, row: RowMapping) -> TrackedRelease:
    query = select(activities).where(activities.c.schedule == row["id"]).order_by(activities.c.rank)
    items = tuple(_item(one) for one in connection.execute(query).mappings())
    return TrackedRelease(
        service=row["service"], environment=row["environment"], version=row["version"],
        release_date=date.fromisoformat(row["release_date"]), zone=row["zone"], emergency=bool(row["emergency"]),
        phases=tuple(map(_phase, list_at(row["phases"]))), items=items, dropped=row["dropped"],
        completed=_ended(connection, row),
    )  # fmt: skip


def _phase(one: Json) -> TrackedPhase:
    return TrackedPhase(
        id=text_at(one, "id"), title=text_at(one, "title"), shortest=whole_at(one, "shortest"),
        longest=whole_at(one, "longest"), start=date.fromisoformat(text_at(one, "start")),
        end=date.fromisoformat(text_at(one, "end")),
    )  # fmt: skip


def _item(row: RowMapping) -> TrackedItem:
    return TrackedItem(
        id=row["item"], title=row["title"], phase=row["phase"], milestone=bool(row["milestone"]), owner=row["owner"],
        gates=tuple(row["gates"]), due=row["due"], assignee=row["assignee"], state=ItemState(row["state"]),
        met_by=MetBy(row["met_by"]), note=row["note"], actor=row["actor"], at=row["at"],
    )  # fmt: skip


def _ended(connection: Connection, row: RowMapping) -> bool:
    """Whether a rollout brought this version to everyone."""
    return _rolled(connection, row["service"], row["environment"], row["version"], (Status.COMPLETED,))


def rolled_out(engine: Engine, release: TrackedRelease, *states: Status) -> bool:
    """Whether a rollout of this version had one of these states, any if none is named."""
    with engine.connect() as connection:
        return _rolled(connection, release.service, release.environment, release.version, states)


def _rolled(connection: Connection, service: str, environment: str, version: str, states: Sequence[Status]) -> bool:
    query = select(rollouts.c.id).where(
        rollouts.c.service == service, rollouts.c.environment == environment, rollouts.c.version == version,
        rollouts.c.started_at.is_not(None), rollouts.c.mode != Mode.FAST_RETURN.value,
    )  # fmt: skip
    if states:
        query = query.where(rollouts.c.status.in_([state.value for state in states]))
    return connection.execute(query.limit(1)).first() is not None


def announced(engine: Engine, release: TrackedRelease, now: float) -> tuple[int, int]:
    """How many announcements of a release went out or were left out by somebody, and how many are overdue."""
    query = select(announcements.c.state, announcements.c.due).where(
        announcements.c.service == release.service, announcements.c.environment == release.environment,
        announcements.c.version == release.version,
    )  # fmt: skip
    with engine.connect() as connection:
        found = [(State(state), due) for state, due in connection.execute(query)]
    waiting = sum(
        state in (*OPEN, State.WAITING, State.SCHEDULED) and due is not None and due < now for state, due in found
    )
    return sum(state in (State.SENT, State.SKIPPED) for state, _ in found), waiting


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────


def track(engine: Engine, release: TrackedRelease, channels: Sequence[JsonObject], actor: str, now: float) -> None:
    """Keep a schedule, or move one that is kept: days, owners and gates follow the plan, states and assignees stay.
    channels: through which owners are reminded."""
    phases: Json = [
        {"id": one.id, "title": one.title, "shortest": one.shortest, "longest": one.longest,
         "start": one.start.isoformat(), "end": one.end.isoformat()}
        for one in release.phases
    ]  # fmt: skip
    values = {
        "release_date": release.release_date.isoformat(), "zone": release.zone, "emergency": int(release.emergency),
        "phases": phases, "channels": list(channels), "actor": actor, "at": now, "dropped": "",
    }  # fmt: skip
    with engine.begin() as connection:
        known = _identity(connection, release)
        if known is None:
            made = connection.execute(
                insert(schedules).values(
                    service=release.service, environment=release.environment, version=release.version, **values
                )
            )
            assert made.inserted_primary_key is not None
            known = int(made.inserted_primary_key[0])
        else:
            connection.execute(update(schedules).where(schedules.c.id == known).values(**values))
        _keep_items(connection, known, release.items)


def _identity(connection: Connection, release: TrackedRelease) -> int | None:
    wanted = _is(release.service, release.environment, release.version)
    return connection.scalar(select(schedules.c.id).where(wanted))


def _keep_items(connection: Connection, schedule: int, items: Sequence[TrackedItem]) -> None:
    mine = activities.c.schedule == schedule
    known = set(connection.scalars(select(activities.c.item).where(mine)))
    connection.execute(delete(activities).where(mine, activities.c.item.not_in([item.id for item in items])))
    for rank, item in enumerate(items):
        planned = {
            "rank": rank, "title": item.title, "phase": item.phase, "milestone": int(item.milestone),
            "owner": item.owner, "gates": list(item.gates), "due": item.due,
        }  # fmt: skip
        if item.id in known:
            this = and_(mine, activities.c.item == item.id)
            connection.execute(update(activities).where(this).values(**planned))
            if item.done:  # by the plan's own `--done`
                word = Word(state=item.state, met_by=item.met_by, note=item.note, actor=item.actor, at=item.at)
                still_open = and_(this, activities.c.state == ItemState.OPEN.value)
                connection.execute(update(activities).where(still_open).values(**_said(word)))
            continue
        connection.execute(
            insert(activities).values(
                schedule=schedule, item=item.id, assignee=item.assignee, state=item.state.value,
                met_by=item.met_by.value, note=item.note, actor=item.actor, at=item.at, **planned,
            )
        )  # fmt: skip


def say(engine: Engine, release: TrackedRelease, words: Mapping[str, Word]) -> None:
    """Keep what is said of items, all or nothing. What was seen never replaces what a person said meanwhile. Raises
    NotTracked."""
    with engine.begin() as connection:
        schedule = _known(connection, release)
        for item, word in words.items():
            wanted = and_(activities.c.schedule == schedule, activities.c.item == item)
            if word.met_by is not MetBy.PERSON:
                wanted = and_(wanted, activities.c.met_by != MetBy.PERSON.value)
            connection.execute(update(activities).where(wanted).values(**_said(word)))


def _said(word: Word) -> dict[str, Json]:
    return {
        "state": word.state.value, "met_by": word.met_by.value, "note": word.note, "actor": word.actor, "at": word.at
    }  # fmt: skip


def assign(engine: Engine, release: TrackedRelease, items: Sequence[str], person: str) -> None:
    """Somebody is to do items. Raises NotTracked."""
    with engine.begin() as connection:
        mine = activities.c.schedule == _known(connection, release)
        connection.execute(update(activities).where(mine, activities.c.item.in_(items)).values(assignee=person))


def drop(engine: Engine, release: TrackedRelease, reason: str) -> None:
    """Nobody works on it any more. Raises NotTracked."""
    with engine.begin() as connection:
        known = _known(connection, release)
        connection.execute(update(schedules).where(schedules.c.id == known).values(dropped=reason))


def _known(connection: Connection, release: TrackedRelease) -> int:
    known = _identity(connection, release)
    if known is None:
        raise NotTracked(f"the phases of {release.version} are not tracked")
    return known


# ── reminders ──────────────────────────────────────────────────────────────────────────────────────────────


def remind(engine: Engine, now: float) -> int:
    """Nag the owners of what is overdue, once a day each with all that is theirs; returns how many reminders went
    out."""
    with engine.connect() as connection:
        rows = connection.execute(select(schedules).where(schedules.c.dropped == "")).mappings().all()
        found = [(_release(connection, row), row["channels"]) for row in rows]
    sent = 0
    for release, channels in found:
        today = day_of(now, release.zone).isoformat()
        late = sorted(release.late(today), key=_whose)
        for whom, items in groupby(late, key=_whose):
            sent += outbox.post_once(engine, _nag(release, whom, tuple(items), today, now), channels, now) > 0
    return sent


def _whose(item: TrackedItem) -> str:
    return item.assignee or item.owner


def _nag(release: TrackedRelease, whom: str, items: Sequence[TrackedItem], today: str, now: float) -> Message:
    thread = f"phases/{release.service}/{release.environment}/{release.version}/{whom}"
    named = [f"{item.title} (due {item.due})" for item in items[:_MOST_NAMED]]
    more = [f"and {len(items) - _MOST_NAMED} more"] if len(items) > _MOST_NAMED else []
    subject = items[0].title if len(items) == 1 else f"{len(items)} activities"
    return Message(
        f"{thread}/{today}", thread, "phase-overdue", Severity.WARNING,
        f"{release.service} {release.version}: {subject} {'is' if len(items) == 1 else 'are'} overdue",
        f"Owned by {whom}: {', '.join((*named, *more))}. See `pilotage phase list {release.version} "
        f"-e {release.environment}`.",
        now, release.service, release.environment, release.version, (("owner", whom),),
    )  # fmt: skip
