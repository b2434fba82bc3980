"""A plan as a calendar (RFC 5545): phases, milestones, due dates, the steps of the rollout, messages, the
retrospective."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from icalendar import Calendar, Event

from pilotage.model.errors import Invalid
from pilotage.model.plan import Plan
from pilotage.model.schedule import Message
from pilotage.render.sections import headline


class NoDate(Invalid):
    """The plan has no release date, so there is nothing to put into a calendar."""


def to_ics(plan: Plan, stamp: datetime) -> bytes:
    """The calendar's bytes. `stamp` is the time of creation: a later event with the same UID replaces an earlier one.
    UIDs depend on service, environment, version and item alone, so a retargeted plan moves its events. Raises NoDate
    for a plan without a date."""
    if plan.release_date is None:
        raise NoDate("a plan without a date has no calendar: add --date YYYY-MM-DD")
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//plan//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", headline(plan))
    for event in _events(plan):
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("last-modified", stamp.astimezone(UTC))
        event.add("sequence", int(stamp.timestamp() // 60))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _events(plan: Plan) -> Iterator[Event]:
    for phase in plan.timeline.phases:
        if phase.start and phase.end:
            text = f"{', '.join(phase.activities)}\nlatest start {phase.latest_start}"
            yield _days(plan, f"phase-{phase.id}", f"{phase.title}", phase.start, phase.end, text, "phase")
        for number, milestone in enumerate(phase.milestones, 1):
            if milestone.due:
                name = f"milestone-{phase.id}-{number}"
                yield _days(plan, name, milestone.title, milestone.due, milestone.due, phase.title, "milestone")
    for (place, due), items in groupby(
        (item for item in plan.readiness if item.blocking), key=lambda item: (item.phase, item.due)
    ):
        if due:
            text = "\n".join(f"{item.title}: {item.requirement} ({item.owner})" for item in items)
            yield _days(plan, f"readiness-{place}", "Readiness items due", due, due, text, "readiness")
    for wave in plan.on_call:
        text = f"{wave.owner}: {wave.duty}, {wave.reason}\n" + "\n".join(
            f"{shift.zone} {shift.begins:%a %H:%M} – {shift.ends:%a %H:%M}"
            f"{' (outside working hours)' if shift.outside else ''}"
            for shift in wave.shifts
        )
        yield _hours(plan, f"wave-{wave.step}", wave.title, wave.begins, wave.ends, text, "rollout")
    yield from filter(None, (_message(plan, message) for message in plan.communication))
    if plan.retrospective.due:
        text = "\n".join(f"{item.minutes} min {item.title}" for item in plan.retrospective.agenda)
        due = plan.retrospective.due
        yield _days(plan, "retrospective", "Retrospective", due, due, text, "retrospective")


def _message(plan: Plan, message: Message) -> Event | None:
    title = f"{message.title} → {message.audience} ({message.channel})"
    text = f"owner: {message.owner}\n{message.lead}\n\n{message.draft}"
    if message.due_at:
        return _hours(
            plan,
            f"message-{message.id}",
            title,
            message.due_at,
            message.due_at + timedelta(minutes=15),
            text,
            "message",
        )
    if message.due:
        return _days(plan, f"message-{message.id}", title, message.due, message.due, text, "message")
    return None


def _days(plan: Plan, name: str, title: str, first: date, last: date, text: str, category: str) -> Event:
    """Whole days, both included: DTEND is the day after (RFC 5545, 3.6.1). The entries mark nobody as busy."""
    event = _event(plan, name, title, text, category)
    event.add("dtstart", first)
    event.add("dtend", last + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event


def _hours(plan: Plan, name: str, title: str, begins: datetime, ends: datetime, text: str, category: str) -> Event:
    event = _event(plan, name, title, text, category)
    event.add("dtstart", begins.astimezone(UTC))
    event.add("dtend", ends.astimezone(UTC))
    return event


def _event(plan: Plan, name: str, title: str, text: str, category: str) -> Event:
    event = Event()
    event.add("uid", f"{name}.{plan.version}.{plan.environment}.{plan.service}@pilotage")
    event.add("summary", f"{plan.service} {plan.version}: {title}")
    event.add("description", text)
    event.add("categories", [category])
    return event
