"""What is planned on the status page as a calendar to subscribe to (RFC 5545)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Calendar, Event

from pilotage.model.text import clean
from pilotage.report.status import Planned, StatusPage

_ASKED_AGAIN = timedelta(hours=1)
"""How often programs should read it."""


def planned_calendar(page: StatusPage, address: str) -> str:
    """Empty where nothing is planned: who subscribes today sees what is announced tomorrow."""
    calendar = Calendar()
    calendar.add("prodid", "-//Pilotage//status page//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", clean(page.title))
    calendar.add("refresh-interval", _ASKED_AGAIN, parameters={"VALUE": "DURATION"})
    for one in page.planned:
        calendar.add_component(_event(one, address, page.made))
    return bytes(calendar.to_ical()).decode()


def _event(one: Planned, address: str, made: float) -> Event:
    """It has a start alone: how long a release takes is not announced."""
    event = Event()
    event.add("uid", f"{clean(one.id)}@{urlsplit(address).hostname or 'pilotage'}")
    event.add("summary", clean(one.title))
    event.add("description", clean(one.text))
    event.add("url", f"{address}#planned")
    event.add("dtstart", datetime.fromtimestamp(one.at, UTC))
    event.add("dtstamp", datetime.fromtimestamp(made, UTC))
    event.add("transp", "TRANSPARENT")
    return event
