"""Stored meetings, and the invitations to them: a change and the mail about it are one transaction, so a worker that
dies sends neither twice nor none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.adapters.notify import invitation
from pilotage.engine.records import outbox
from pilotage.engine.records.followups import AUTOMATIC
from pilotage.engine.records.tables_beside import meetings
from pilotage.engine.records.zones import calendar_zones
from pilotage.model.channel import channel_of
from pilotage.model.errors import Conflict, Invalid
from pilotage.model.json import JsonObject, read_as
from pilotage.model.medium import Attachment, Medium
from pilotage.model.meeting import Guest, Meeting, MeetingKind, MeetingState
from pilotage.model.message import Message, Severity


class UnknownMeeting(Invalid):
    """No meeting has this number."""


class MeetingOver(Conflict):
    """The meeting was cancelled, or has begun."""


# ── kept ───────────────────────────────────────────────────────────────────────────────────────────────────


def keep(engine: Engine, meeting: Meeting, channels: Sequence[JsonObject], actor: str, now: float) -> bool:
    """See that the meeting is there as wanted, and that its guests know. Returns whether anything changed.

    One that somebody has moved stays where it is until the plan wants another day; one that was cancelled, or is over,
    stays as it is. channels: what the invitation goes through; none for a meeting to which an announcement invites.
    """
    with engine.begin() as connection:
        before = _locked(connection, meeting.uid)
        if before is None:
            return _make(connection, meeting, channels, actor, now)
        there = channels or _channels(connection, before.id)
        if before.state is MeetingState.CANCELLED:
            return _take_up(connection, before, meeting, there, now)
        if before.begins < now:
            return False
        begins = before.begins if before.planned == meeting.planned else meeting.begins
        wanted = replace(meeting, begins=begins, id=before.id, sequence=before.sequence, state=before.state)
        if _same(before, wanted):
            return False
        _change(connection, before, wanted, there, actor, now)
        return True


def _take_up(
    connection: Connection, before: Meeting, wanted: Meeting, channels: Sequence[JsonObject], now: float
) -> bool:
    """A meeting that fell with its release takes place with its next try; what a person cancelled does not."""
    by = connection.scalar(select(meetings.c.actor).where(meetings.c.id == before.id))
    if by != AUTOMATIC or wanted.planned == before.planned:
        return False
    planned = replace(before, state=MeetingState.PLANNED)
    _change(connection, planned, replace(wanted, id=before.id), channels, AUTOMATIC, now)
    return True


def _same(one: Meeting, other: Meeting) -> bool:
    def felt(meeting: Meeting) -> tuple[float, float, int, str, frozenset[Guest]]:
        return meeting.begins, meeting.planned, meeting.minutes, meeting.location, frozenset(meeting.guests)

    return felt(one) == felt(other)


def move(engine: Engine, service: str, number: int, begins: float, actor: str, now: float) -> Meeting:
    """Put it on another time; its guests are told. Raises UnknownMeeting, MeetingOver."""
    with engine.begin() as connection:
        before = _to_come(connection, service, number, now)
        return _change(connection, before, replace(before, begins=begins), _channels(connection, number), actor, now)


def cancel(engine: Engine, service: str, number: int, actor: str, now: float) -> Meeting:
    """It does not take place; its guests are told. Raises UnknownMeeting, MeetingOver."""
    with engine.begin() as connection:
        before = _to_come(connection, service, number, now)
        wanted = replace(before, state=MeetingState.CANCELLED)
        return _change(connection, before, wanted, _channels(connection, number), actor, now)


def note_attendance(
    engine: Engine, service: str, number: int, attended: Sequence[str], absent: Sequence[str]
) -> Meeting:
    """Who was there, and who was not. Raises UnknownMeeting."""
    with engine.begin() as connection:
        there = _numbered(connection, service, number)
        present = tuple(dict.fromkeys([*(one for one in there.attended if one not in absent), *attended]))
        away = tuple(dict.fromkeys([*(one for one in there.absent if one not in attended), *absent]))
        _write(connection, number, attended=list(present), absent=list(away))
        return replace(there, attended=present, absent=away)


def note_minutes(engine: Engine, service: str, number: int, text: str) -> None:
    """Raises UnknownMeeting."""
    with engine.begin() as connection:
        _numbered(connection, service, number)
        _write(connection, number, record=text)


def invited(connection: Connection, uid: str, channels: Sequence[JsonObject]) -> None:
    """An announcement has invited through these channels: from now on they learn of each change."""
    connection.execute(
        update(meetings)
        .where(meetings.c.uid == uid, meetings.c.state == MeetingState.PLANNED.value)
        .values(state=MeetingState.INVITED.value, channels=list(channels))
    )


# ── read ───────────────────────────────────────────────────────────────────────────────────────────────────


def meetings_of(engine: Engine, service: str, *, since: float | None = None) -> tuple[Meeting, ...]:
    """In the order in which they begin. since: Unix seconds; those that end later."""
    query = select(meetings).where(meetings.c.service == service)
    with engine.connect() as connection:
        found = [_of_row(row) for row in connection.execute(query.order_by(meetings.c.begins)).mappings()]
    return tuple(one for one in found if since is None or one.ends > since)


def meeting(engine: Engine, service: str, number: int) -> Meeting:
    """Raises UnknownMeeting."""
    with engine.connect() as connection:
        return _numbered(connection, service, number)


def by_uid(engine: Engine, uid: str) -> Meeting | None:
    with engine.connect() as connection:
        row = connection.execute(select(meetings).where(meetings.c.uid == uid)).mappings().first()
    return _of_row(row) if row else None


def _of_row(row: RowMapping) -> Meeting:
    return Meeting(
        uid=row["uid"], kind=MeetingKind(row["kind"]), service=row["service"], environment=row["environment"],
        version=row["version"], title=row["title"], text=row["text"], begins=row["begins"], planned=row["planned"],
        minutes=row["minutes"], location=row["location"], organizer=row["organizer"],
        guests=read_as(tuple[Guest, ...], row["guests"]), sequence=row["sequence"], state=MeetingState(row["state"]),
        id=row["id"], attended=tuple(row["attended"]), absent=tuple(row["absent"]), record=row["record"],
    )  # fmt: skip


def _locked(connection: Connection, uid: str) -> Meeting | None:
    query = select(meetings).where(meetings.c.uid == uid).with_for_update()
    row = connection.execute(query).mappings().first()
    return _of_row(row) if row else None


def _numbered(connection: Connection, service: str, number: int) -> Meeting:
    query = select(meetings).where(meetings.c.id == number, meetings.c.service == service).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise UnknownMeeting(f"no meeting has the number {number}; list them with `pilotage meeting list --all`")
    return _of_row(row)


def _to_come(connection: Connection, service: str, number: int, now: float) -> Meeting:
    found = _numbered(connection, service, number)
    if found.state is MeetingState.CANCELLED:
        raise MeetingOver(f"meeting {number} was cancelled")
    if found.begins < now:
        raise MeetingOver(f"meeting {number} has begun")
    return found


def _channels(connection: Connection, number: int) -> Sequence[JsonObject]:
    found: Sequence[JsonObject] = connection.scalar(select(meetings.c.channels).where(meetings.c.id == number)) or ()
    return found


# ── written, and told ──────────────────────────────────────────────────────────────────────────────────────


def _make(connection: Connection, wanted: Meeting, channels: Sequence[JsonObject], actor: str, now: float) -> bool:
    state = MeetingState.INVITED if channels and wanted.guests else MeetingState.PLANNED
    values = {
        **{name: getattr(wanted, name) for name in _COLUMNS}, "kind": wanted.kind.value, "state": state.value,
        "guests": [asdict(guest) for guest in wanted.guests], "channels": list(channels),
        "attended": [], "absent": [], "record": "", "actor": actor, "at": now,
    }  # fmt: skip
    try:
        with connection.begin_nested():
            connection.execute(insert(meetings).values(**values))
    except IntegrityError:
        return False  # another process made it
    if state is MeetingState.INVITED:
        _tell(connection, wanted, "invited", invitation.request(wanted, now), wanted.guests, channels, now)
    return True


_COLUMNS = (
    "uid", "service", "environment", "version", "title", "text", "begins", "planned", "minutes", "location",
    "organizer", "sequence",
)  # fmt: skip


def _change(
    connection: Connection, before: Meeting, wanted: Meeting, channels: Sequence[JsonObject], actor: str, now: float
) -> Meeting:
    """One more in the sequence, and those who are concerned are told."""
    made = replace(wanted, sequence=before.sequence + 1)
    if before.state is MeetingState.PLANNED and channels and made.guests and made.state is MeetingState.PLANNED:
        made = replace(made, state=MeetingState.INVITED)
    _write(
        connection, before.id, begins=made.begins, planned=made.planned, minutes=made.minutes, location=made.location,
        guests=[asdict(guest) for guest in made.guests], sequence=made.sequence, state=made.state.value, actor=actor,
        channels=list(channels), at=now,
    )  # fmt: skip
    if made.state is MeetingState.PLANNED or before.state is made.state is MeetingState.CANCELLED:
        return made
    if made.state is MeetingState.CANCELLED:
        if before.state is MeetingState.INVITED:
            _tell(connection, made, "cancelled", invitation.cancellation(made, now), made.guests, channels, now)
        return made
    _tell(connection, made, "moved", invitation.request(made, now), made.guests, channels, now)
    staying = {guest.email for guest in made.guests}
    if gone := tuple(guest for guest in before.guests if guest.email not in staying):
        _tell(connection, made, "without-you", invitation.cancellation(made, now, gone), gone, channels, now)
    return made


def _write(connection: Connection, number: int, **values: object) -> None:
    connection.execute(update(meetings).where(meetings.c.id == number).values(**values))


_VERBS = {"invited": "", "moved": "Moved: ", "cancelled": "Cancelled: ", "without-you": "Without you: "}


def _tell(
    connection: Connection, meeting: Meeting, what: str, part: Attachment, guests: Sequence[Guest],
    channels: Sequence[JsonObject], now: float,
) -> None:  # fmt: skip
    """Where nobody is named, the message goes to the audience that an announcement invited."""
    thread, to = f"meeting/{meeting.uid}", tuple(guest.email for guest in guests)
    zone = calendar_zones(connection, [meeting.service])[meeting.service]
    medium = Medium.WEBINAR if meeting.kind is MeetingKind.WEBINAR else Medium.MEETING
    for section in channels:
        known = channel_of(section).audiences
        message = Message(
            f"{thread}/{meeting.sequence}/{what}", thread, f"meeting-{what}", Severity.INFO,
            f"{_VERBS[what]}{meeting.title}", meeting.text, now, meeting.service, meeting.environment,
            meeting.version, facts=facts_of(meeting, zone), audience=known[0], kind=medium.value, to=to,
            attachments=(part,),
        )  # fmt: skip
        outbox.post(connection, message, [section], now)


def facts_of(meeting: Meeting, zone: str) -> tuple[tuple[str, str], ...]:
    """When and where, for people."""
    begins = datetime.fromtimestamp(meeting.begins, UTC).astimezone(ZoneInfo(zone))
    found = (("when", f"{begins:%A, %d %B %Y, %H:%M} ({zone}), {meeting.minutes} min"),)
    return (*found, ("where", meeting.location)) if meeting.location else found
