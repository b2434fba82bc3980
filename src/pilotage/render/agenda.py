"""A calendar for programs: as JSON, and as a feed that calendar programs subscribe to (RFC 5545)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from pilotage.model.agenda import Agenda, AgendaEntry, AgendaKind
from pilotage.model.output.agenda import AgendaConflictOutput, AgendaEntryOutput, AgendaOutput
from pilotage.model.timestamp import timestamp

_BUSY = (AgendaKind.MEETING,)
"""Kinds that take a person's time; others only inform."""

_ASKED_AGAIN = timedelta(hours=1)
"""How often programs should read the feed."""


def agenda_output(agenda: Agenda) -> AgendaOutput:
    return AgendaOutput(
        first=agenda.first.isoformat(), last=agenda.last.isoformat(), time_zone=agenda.zone,
        entries=tuple(map(_entry_output, agenda.entries)),
        conflicts=tuple(
            AgendaConflictOutput(day=one.day.isoformat(), sentence=one.sentence, services=one.services)
            for one in agenda.conflicts
        ),
    )  # fmt: skip


def _entry_output(entry: AgendaEntry) -> AgendaEntryOutput:
    return AgendaEntryOutput(
        uid=entry.uid, kind=entry.kind.value, title=entry.title, service=entry.service or None,
        environment=entry.environment or None, begins=timestamp(entry.begins.timestamp()),
        ends=None if entry.moving else timestamp(entry.ends.timestamp()), words=entry.words,
    )  # fmt: skip


def to_feed(agenda: Agenda, name: str, stamp: datetime) -> bytes:
    """The feed's bytes. stamp: time of creation; a later event with the same UID replaces an earlier one."""
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", _ASKED_AGAIN, parameters={"VALUE": "DURATION"})
    for entry in agenda.entries:
        calendar.add_component(_event(entry, stamp))
    return bytes(calendar.to_ical())


def _event(entry: AgendaEntry, stamp: datetime) -> Event:
    event = Event()
    where = f" in {entry.environment}" if entry.environment and entry.kind is not AgendaKind.FREEZE else ""
    event.add("uid", entry.uid)
    event.add("summary", f"{entry.title}{where}")
    if entry.words:
        event.add("description", entry.words)
    event.add("categories", [entry.kind.value])
    if entry.whole_days:
        event.add("dtstart", entry.begins.date())
        event.add("dtend", entry.ends.date())
    else:
        event.add("dtstart", entry.begins.astimezone(UTC))
        event.add("dtend", entry.ends.astimezone(UTC))
    if entry.kind not in _BUSY:
        event.add("transp", "TRANSPARENT")
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("last-modified", stamp.astimezone(UTC))
    event.add("sequence", int(stamp.timestamp() // 60))
    return event
