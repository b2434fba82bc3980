"""A plan as a calendar (RFC 5545): phases, milestones, due dates, the steps of the rollout, messages, the
retrospective."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from icalendar import Calendar, Event, vCalAddress

from pilotage.adapters.notify.invitation import attendee
from pilotage.model.errors import Invalid
from pilotage.model.meeting import Guest
from pilotage.model.plan import Plan
from pilotage.model.schedule import Activity, Message, Role
from pilotage.plan.tenant_waves import first_names
from pilotage.plan.trains import Departure
from pilotage.render.sections import headline
from pilotage.render.trains import Line, train_events


class NoDate(Invalid):
    """The plan has no release date, so there is nothing to put into a calendar."""


_NOBODY: Mapping[Role, tuple[Guest, ...]] = {}


def to_ics(
    plan: Plan, stamp: datetime, organizer: str = "", guests: Mapping[Role, tuple[Guest, ...]] = _NOBODY,
    train: tuple[Line, Departure] | None = None,
) -> bytes:  # fmt: skip
    """The calendar's bytes. `stamp` is the time of creation: a later event with the same UID replaces an earlier one.
    UIDs depend on service, environment, version and item alone, so a retargeted plan moves its events. guests: with a
    mail address, by role; they take part in the retrospective, and in the steps that they answer for · train: that the
    release goes with. Raises NoDate for a plan without a date."""
    if plan.release_date is None:
        raise NoDate("a plan without a date has no calendar: add --date YYYY-MM-DD")
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//plan//EN")
    calendar.add("version", "2.0")
    invited = bool(organizer) and any(guests.values())
    if not invited:
        calendar.add("method", "PUBLISH")  # what is published has no participants (RFC 5546, 3.2.1)
    calendar.add("x-wr-calname", headline(plan))
    boarding = train_events(train[0], train[1:]) if train else ()
    for event in (*_events(plan, organizer, guests if invited else _NOBODY), *boarding):
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("last-modified", stamp.astimezone(UTC))
        event.add("sequence", int(stamp.timestamp() // 60))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _events(plan: Plan, organizer: str, guests: Mapping[Role, tuple[Guest, ...]]) -> Iterator[Event]:
    for phase in plan.timeline.phases:
        if phase.start and phase.end:
            text = "\n".join((*map(_activity, phase.activities), f"latest start {phase.latest_start}"))
            yield _days(plan, f"phase-{phase.id}", f"{phase.title}", phase.start, phase.end, text, "phase")
        for number, milestone in enumerate(phase.milestones, 1):
            if milestone.due:
                name = f"milestone-{phase.id}-{number}"
                text = f"{phase.title}\n{_owned(milestone.owner, milestone.gates)}"
                yield _days(plan, name, milestone.title, milestone.due, milestone.due, text, "milestone")
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
        event = _hours(plan, f"wave-{wave.step}", wave.title, wave.begins, wave.ends, text, "rollout")
        yield _with(event, organizer, guests, (wave.owner,), ())
    yield from _tenant_waves(plan)
    yield from filter(None, (_message(plan, message) for message in plan.communication))
    if plan.retrospective.due:
        text = "\n".join(f"{item.minutes} min {item.title}" for item in plan.retrospective.agenda)
        due, wanted = plan.retrospective.due, plan.retrospective
        event = _days(plan, "retrospective", "Retrospective", due, due, text, "retrospective")
        yield _with(event, organizer, guests, wanted.required, wanted.optional)


def _tenant_waves(plan: Plan) -> Iterator[Event]:
    """When waves start, where their tenants were told a day."""
    for wave in plan.waves:
        if wave.not_before:
            text = f"{first_names(wave)}\n{wave.share_percent:g} % of users"
            ends = wave.not_before + timedelta(minutes=15)
            yield _hours(
                plan, f"tenants-{wave.name}", f"Wave {wave.name} starts", wave.not_before, ends, text, "rollout"
            )


def _with(
    event: Event, organizer: str, guests: Mapping[Role, tuple[Guest, ...]], required: Iterable[Role],
    optional: Iterable[Role],
) -> Event:  # fmt: skip
    """The event with those who take part; each of them once."""
    needed = {guest.email: guest for role in required for guest in guests.get(role, ())}
    welcome = {guest.email: guest for role in optional for guest in guests.get(role, ())}
    for guest in {**welcome, **needed}.values():
        event.add("attendee", attendee(guest.email, guest.name, required=guest.email in needed))
    if needed or welcome:
        event.add("organizer", vCalAddress(f"mailto:{organizer}"))
    return event


def _activity(activity: Activity) -> str:
    return f"{activity.id}: {_owned(activity.owner, activity.gates)}"


def _owned(owner: Role | None, gates: tuple[str, ...]) -> str:
    """Who owns it, and what shows that it is done."""
    return f"{owner or 'nobody'}; {', '.join(gates) or 'done when a person says so'}"


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
