"""What people do with meetings: list, move and cancel them, and record who was there and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.engine.records import meetings as rows
from pilotage.model.calendar import at
from pilotage.model.meeting import Meeting
from pilotage.model.output.records import GuestOutput, MeetingOutput, MeetingsOutput
from pilotage.model.timestamp import timestamp

_FARTHEST = 36525 * 86400.0
"""Seconds that a meeting may be ahead: a date that no calendar can say would break every list."""


def meetings_here(project: Project, *, everything: bool) -> tuple[Meeting, ...]:
    """Of the project's service, in the order in which they begin. everything: those that are over, too."""
    since = None if everything else project.clock.now()
    found = rows.meetings_of(project.store.engine, project.loaded.configuration.service, since=since)
    return tuple(one for one in found if everything or one.state is not one.state.CANCELLED)


def when(meeting: Meeting, zone: str) -> str:
    """`2026-12-01 14:00` by the zone's clocks."""
    return f"{datetime.fromtimestamp(meeting.begins, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def meetings_output(meetings: Sequence[Meeting]) -> MeetingsOutput:
    """The same as JSON."""
    return MeetingsOutput(meetings=tuple(_output(one) for one in meetings))


def _output(one: Meeting) -> MeetingOutput:
    return MeetingOutput(
        id=one.id, kind=one.kind.value, environment=one.environment, version=one.version, title=one.title,
        begins_at=timestamp(one.begins), minutes=one.minutes, location=one.location, state=one.state.value,
        guests=tuple(GuestOutput(name=g.name, email=g.email, required=g.required) for g in one.guests),
        attended=one.attended, absent=one.absent, record=one.record,
    )  # fmt: skip


def move(project: Project, actor: str, number: int, begins: datetime) -> Meeting:
    """Put a meeting on another time, in the calendar's zone; its guests are told. Raises UnknownMeeting,
    MeetingOver, Unclear for a time that has passed or is a century ahead."""
    project.require(actor, Permission.MEET)
    moment = at(begins.date(), begins.time(), project.loaded.configuration.calendar.timezone).timestamp()
    said = begins.replace(tzinfo=None).isoformat(" ", "minutes")
    if moment < project.clock.now():
        raise Unclear(f"{said} has passed")
    if moment > project.clock.now() + _FARTHEST:
        raise Unclear(f"{said} is more than a hundred years ahead")
    made = rows.move(project.store.engine, _service(project), number, moment, actor, project.clock.now())
    project.ensure_worker()
    return made


def cancel(project: Project, actor: str, number: int) -> Meeting:
    """It does not take place; its guests are told. Raises UnknownMeeting, MeetingOver."""
    project.require(actor, Permission.MEET)
    made = rows.cancel(project.store.engine, _service(project), number, actor, project.clock.now())
    project.ensure_worker()
    return made


def note_attendance(
    project: Project, actor: str, number: int, attended: Sequence[str], absent: Sequence[str]
) -> Meeting:
    """Who was there, by name or alias. Raises UnknownMeeting."""
    project.require(actor, Permission.MEET)
    known = [tuple(project.people.identify(name).name for name in names) for names in (attended, absent)]
    return rows.note_attendance(project.store.engine, _service(project), number, *known)


def note_minutes(project: Project, actor: str, number: int, text: str) -> None:
    """Raises UnknownMeeting."""
    project.require(actor, Permission.MEET)
    rows.note_minutes(project.store.engine, _service(project), number, text)


def meeting_here(project: Project, number: int) -> Meeting:
    """Raises UnknownMeeting."""
    return rows.meeting(project.store.engine, _service(project), number)


def _service(project: Project) -> str:
    return project.loaded.configuration.service
