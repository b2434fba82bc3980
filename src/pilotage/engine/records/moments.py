"""Moments of a release that its announcements wait for: they come, or go, in the transaction of the event (rule 12).

An announcement of success waits for `completed`: all users have the version, and its last watch has ended. For
blue-green that is the start of the days for which the old environment is kept ready. Whoever was told before a rollback
gets the notice of it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from pilotage.engine.execution.failpoints import reach
from pilotage.engine.records import environments, told
from pilotage.engine.records.tables import events, rollouts
from pilotage.engine.records.tables_beside import announcements
from pilotage.engine.records.told import Told
from pilotage.engine.records.zones import known_zone
from pilotage.model.announcement import OPEN, Place, Released, State
from pilotage.model.calendar import Calendar
from pilotage.model.event_names import types_stored
from pilotage.model.events import Completed, Failed, Occurrence, RolledBack, RolloutCancelled, RolloutStarted, parse
from pilotage.model.events.course import StepStarted
from pilotage.model.json import JsonObject
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Status
from pilotage.model.schedule import After
from pilotage.model.snapshot import KnownCalendar, Snapshot
from pilotage.plan.claims import CLAIMS, Claim
from pilotage.report.telling import Subject

NOTICE = "rollback_notice"
_MORNING = time(9)
_UNSENT = tuple(state.value for state in (*OPEN, State.WAITING, State.SCHEDULED))


def prefix_of(release: Released) -> str:
    """With which the keys of all its announcements begin."""
    return f"announcement/{release.service}/{release.environment}/{release.version}/"


def of(release: Released) -> ColumnElement[bool]:
    return and_(
        announcements.c.service == release.service, announcements.c.environment == release.environment,
        announcements.c.version == release.version,
    )  # fmt: skip


def follow(connection: Connection, subject: Subject, snapshot: Snapshot, what: Occurrence, now: float) -> None:
    """What an event of a rollout means for the announcements of its release."""
    if not isinstance(what, _TURNS):
        return
    if isinstance(what, StepStarted) and what.kind != StepKind.KEEP:
        return
    if _returns(connection, subject):
        _follow_return(connection, subject, snapshot, what, now)
        return
    place = _place(subject, subject.version)
    match what:
        case RolloutStarted():
            _come(connection, place, After.START, snapshot.calendar, now)
            _is_no_longer_coming(connection, place, now)
        case Completed() | StepStarted():
            _come(connection, place, After.COMPLETED, snapshot.calendar, now)
        case RolledBack():
            withdraw(connection, place, "rolled back", now)
            _taken_back(connection, place, snapshot, now)
        case Failed():
            withdraw(connection, place, "the rollout failed", now)
        case RolloutCancelled():
            withdraw(connection, place, "the rollout was cancelled", now)


_TURNS = (RolloutStarted, StepStarted, Completed, RolledBack, Failed, RolloutCancelled)


def _follow_return(connection: Connection, subject: Subject, snapshot: Snapshot, what: Occurrence, now: float) -> None:
    """An earlier version comes back: that takes the later one from users, as a rollback does."""
    later = _place(subject, subject.old)
    match what:
        case RolloutStarted():
            withdraw(connection, later, f"{subject.version} comes back", now)
        case Completed():
            _taken_back(connection, later, snapshot, now)


def _place(subject: Subject, version: str) -> Place:
    return Place(service=subject.service, environment=subject.environment, version=version)


def _returns(connection: Connection, subject: Subject) -> bool:
    """Whether the rollout takes its place back from a later version."""
    good = environments.serving(connection, subject.service, subject.environment) if subject.old else ()
    return subject.version in good[1:] and subject.old == good[0]


# ── a moment comes ─────────────────────────────────────────────────────────────────────────────────────────


def _come(connection: Connection, place: Place, moment: After, calendar: KnownCalendar, now: float) -> None:
    query = select(announcements).where(
        of(place), announcements.c.after == moment.value, announcements.c.happened_at.is_(None)
    )
    rows = connection.execute(query).mappings().all()
    if rows:
        reach("announcement-due")
    for row in rows:
        due = due_after(row["lead"], row["unit"], calendar, now)
        not_before = due if row["state"] == State.WAITING.value else None
        values = {"happened_at": now, "due": due, "not_before": _latest(row["not_before"], not_before)}
        connection.execute(update(announcements).where(announcements.c.id == row["id"]).values(**values))


def _latest(*moments: float | None) -> float | None:
    return max((moment for moment in moments if moment is not None), default=None)


def due_after(lead: int | None, unit: str, calendar: KnownCalendar, moment: float) -> float:
    """Unix seconds: so many hours after a moment, or in the morning of the working day so many days later."""
    if not lead or unit == "hours":
        return moment + (lead or 0) * 3600.0
    zone = ZoneInfo(known_zone(calendar.zone))
    days = Calendar(
        holidays=dict.fromkeys(map(date.fromisoformat, calendar.holidays), ""),
        weekend=frozenset(calendar.weekend),
        workdays=frozenset(map(date.fromisoformat, calendar.workdays)),
    )
    day = days.working_day_after(datetime.fromtimestamp(moment, zone).date(), lead)
    return datetime.combine(day, _MORNING, zone).timestamp()


def _is_no_longer_coming(connection: Connection, place: Place, now: float) -> None:
    """Pilotage's own words of a release to come are false from its start on."""
    stale = update(announcements).where(
        of(place), announcements.c.item.in_(CLAIMS[Claim.COMING]), announcements.c.after == After.NOTHING.value,
        announcements.c.state.in_(_UNSENT), ~_own(),
    )  # fmt: skip
    connection.execute(stale.values(state=State.WITHDRAWN.value, reason="the rollout has started", at=now))


def _own() -> ColumnElement[bool]:
    return and_(announcements.c.own == 1, announcements.c.text.is_not(None))


def moment_of(connection: Connection, release: Released, moment: After) -> float | None:
    """When the release came to this moment, in its newest rollout; None before it, and once that was undone."""
    query = select(rollouts.c.id, rollouts.c.status, rollouts.c.started_at, rollouts.c.finished_at).where(
        rollouts.c.service == release.service, rollouts.c.environment == release.environment,
        rollouts.c.version == release.version,
    )  # fmt: skip
    row = connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(1)).first()
    if row is None or row.started_at is None:
        return None
    status = Status(row.status)
    match moment:
        case After.START:
            return None if status.final and status is not Status.COMPLETED else float(row.started_at)
        case After.COMPLETED if status is Status.COMPLETED:
            return _kept_since(connection, row.id) or row.finished_at
        case After.COMPLETED if not status.final and status is not Status.ROLLING_BACK:
            return _kept_since(connection, row.id)
        case After.ROLLED_BACK if status is Status.ROLLED_BACK:
            return float(row.finished_at)
        case _:
            return None


def _kept_since(connection: Connection, rollout: str) -> float | None:
    query = select(events.c.at, events.c.type, events.c.data).where(
        events.c.rollout == rollout, events.c.type.in_(types_stored(StepStarted.type))
    )
    for row in connection.execute(query.order_by(events.c.number)).all():
        match parse(row.type, row.data):
            case StepStarted(kind=StepKind.KEEP):
                return float(row.at)
    return None


# ── a release is undone ────────────────────────────────────────────────────────────────────────────────────


def withdraw(connection: Connection, place: Released, why: str, now: float) -> None:
    """What has not begun to go never goes; what is tried again is not tried any more."""
    told.take_back(connection, prefix_of(place), _notices(place))
    left = told.keys_with(connection, prefix_of(place))
    query = select(announcements).where(of(place), announcements.c.item != NOTICE)
    for row in connection.execute(query).mappings().all():
        unsent = row["state"] in _UNSENT
        if unsent or (row["state"] == State.SENT.value and key_of(place, row["item"], row["issue"]) not in left):
            reach("announcement-withdrawn")
            gone = update(announcements).where(announcements.c.id == row["id"])
            connection.execute(gone.values(state=State.WITHDRAWN.value, reason=why, at=now))


def key_of(release: Released, item: str, issue: int = 1) -> str:
    """The key of its message in the outbox. issue: how often it is told, from 1."""
    return f"{prefix_of(release)}{item}{f'/{issue}' if issue > 1 else ''}"


def _taken_back(connection: Connection, place: Place, snapshot: Snapshot, now: float) -> None:
    """The notice for everyone who was told: it waits to be written. Nobody was told, or somebody skipped it: none."""
    if not told_of(connection, place):
        return
    query = select(announcements).where(of(place), announcements.c.item == NOTICE)
    row = connection.execute(query).mappings().first()
    values: JsonObject = {"state": State.WAITING.value, "happened_at": now, "due": now, "not_before": None, "at": now}
    reach("announcement-due")
    if row is None:
        _create_notice(connection, place, snapshot, values)
    elif row["state"] != State.SKIPPED.value:
        issue = row["issue"] + int(row["state"] == State.SENT.value)
        connection.execute(update(announcements).where(announcements.c.id == row["id"]).values(**values, issue=issue))


def _create_notice(connection: Connection, place: Place, snapshot: Snapshot, values: JsonObject) -> None:
    connection.execute(
        insert(announcements).values(
            service=place.service, environment=place.environment, version=place.version, item=NOTICE,
            title="The release was rolled back", audience=EVERYONE, owner="release manager", text=None,
            channels=list(snapshot.notify), actor="", reason="", after=After.ROLLED_BACK.value, own=0, **values,
        )
    )  # fmt: skip


EVERYONE = "everyone informed of the release"


def told_of(connection: Connection, place: Released) -> tuple[Told, ...]:
    """Messages about the release that went out, or may have arrived, since the last notice; the oldest first."""
    return told.begun(connection, prefix_of(place), since=_notices(place))


def _notices(place: Released) -> str:
    return prefix_of(place) + NOTICE
