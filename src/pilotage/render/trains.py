"""Release trains as calendar entries (RFC 5545), whose UIDs stay when a train moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from pilotage.model.schedule import Role
from pilotage.plan.trains import Departure, NoTrain

_SHOWN = timedelta(minutes=15)
"""How long an entry lasts: a departure and a cut-off are moments."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A train by its name and its service · late: roles that may board late."""

    name: str
    service: str
    late: tuple[Role, ...]


def to_train_ics(line: Line, trains: Sequence[Departure | NoTrain], stamp: datetime) -> bytes:
    """Departures and cut-offs. stamp: time of creation; a later entry with the same UID replaces an earlier one."""
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//trains//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{line.service}: {line.name}")
    for event in train_events(line, trains):
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("last-modified", stamp.astimezone(UTC))
        event.add("sequence", int(stamp.timestamp() // 60))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def train_events(line: Line, trains: Sequence[Departure | NoTrain]) -> Iterator[Event]:
    """Without a time of creation. A day without a train cancels the entry that it may have had."""
    for one in trains:
        if isinstance(one, NoTrain):
            none = _event(line, "departure", f"{one.day}", f"{line.name} does not run", one.why)
            none.add("dtstart", one.day)
            none.add("dtend", one.day + timedelta(days=1))
            none.add("status", "CANCELLED")
            yield none
            continue
        until = f"{one.late_until:%Y-%m-%d %H:%M %Z}"
        late = f"A {' or '.join(line.late)} may board a change late until {until}."
        departs = f"{one.departs:%Y-%m-%d %H:%M %Z}"
        text = f"Changes that are merged now go with the next train. Departs {departs}.\n{late}"
        yield _at(_event(line, "cutoff", f"{one.day}", f"{line.name}: boarding ends", text), one.cutoff)
        yield _at(
            _event(line, "departure", f"{one.day}", f"{line.name} departs", f"{one.moved}\n{late}".strip()), one.departs
        )


def _at(event: Event, moment: datetime) -> Event:
    event.add("dtstart", moment.astimezone(UTC))
    event.add("dtend", moment.astimezone(UTC) + _SHOWN)
    return event


def _event(line: Line, kind: str, day: str, title: str, text: str) -> Event:
    """day: of the rule, which is the train's name."""
    event = Event()
    event.add("uid", f"train-{kind}-{day}.{line.service}@pilotage")
    event.add("summary", f"{line.service}: {title}")
    event.add("description", text)
    event.add("categories", ["train"])
    return event
