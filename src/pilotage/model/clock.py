"""The clock by which everything decides, and what *today* means: one day for the gate, the list and the reminder."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. A store and a command carry one, so that a test can set it instead of waiting."""

    def now(self) -> float:
        """Unix seconds; may step either way when someone sets the machine's clock."""

    def monotonic(self) -> float:
        """Seconds since a moment of the clock's own; never goes back."""


def today(clock: Clock, zone: str) -> date:
    """The current day in `zone`, the time zone of the service's calendar: an IANA name, UTC if there is none."""
    return day_of(clock.now(), zone)


def day_of(moment: float, zone: str) -> date:
    """The day of a moment (Unix seconds) in `zone`."""
    from zoneinfo import ZoneInfo

    return datetime.fromtimestamp(moment, ZoneInfo(zone)).date()
