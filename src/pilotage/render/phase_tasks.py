"""Activities and milestones of a tracked release as tasks of a calendar (RFC 5545, VTODO)."""

from __future__ import annotations

from datetime import UTC, date, datetime

from icalendar import Calendar, Todo

from pilotage.model.activity import TrackedItem, TrackedRelease

_URGENT, _USUAL = 1, 5


def to_phase_tasks(release: TrackedRelease, today: str, forecast: str, stamp: datetime) -> bytes:
    """today: ISO day · forecast: a sentence, for the description of what is open · stamp: time of creation; a later
    task for the same item replaces an earlier one."""
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//phases//EN")
    calendar.add("version", "2.0")
    for item in release.items:
        calendar.add_component(_task(release, item, today, forecast, stamp))
    return bytes(calendar.to_ical())


def _task(release: TrackedRelease, item: TrackedItem, today: str, forecast: str, stamp: datetime) -> Todo:
    late = item.overdue(today)
    task = Todo()
    task.add("uid", f"phase-{item.id}.{release.version}.{release.environment}.{release.service}@pilotage")
    task.add("dtstamp", stamp.astimezone(UTC))
    task.add("sequence", int(stamp.timestamp() // 60))
    task.add("summary", f"{release.service} {release.version}: {item.title}{' (overdue)' if late else ''}")
    owner = f"Owner: {item.assignee or item.owner}"
    task.add("description", f"{owner}\n{item.note or forecast}" if item.done else f"{owner}\n{forecast}")
    task.add("due", date.fromisoformat(item.due))
    task.add("priority", _URGENT if late else _USUAL)
    task.add("status", "COMPLETED" if item.done else "NEEDS-ACTION")
    return task
