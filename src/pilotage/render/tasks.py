"""Actions as tasks of a calendar (RFC 5545, VTODO)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from icalendar import Calendar, Todo

from pilotage.model.followup import FollowUp

_PRIORITY = {"high": 1, "medium": 5, "low": 9}


def to_tasks(service: str, actions: Sequence[FollowUp], stamp: datetime) -> bytes:
    """stamp: time of creation; a later task for the same action replaces an earlier one."""
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//actions//EN")
    calendar.add("version", "2.0")
    for action in actions:
        task = Todo()
        task.add("uid", f"action-{action.id}.{service}@pilotage")
        task.add("dtstamp", stamp.astimezone(UTC))
        task.add("sequence", int(stamp.timestamp() // 60))
        task.add("summary", f"{service}: {action.description}")
        task.add("description", f"Owner: {action.owner}\nDone when: {action.criterion}")
        task.add("due", date.fromisoformat(action.due))
        task.add("priority", _PRIORITY[action.priority])
        task.add("status", "COMPLETED" if action.done else "NEEDS-ACTION")
        calendar.add_component(task)
    return bytes(calendar.to_ical())
