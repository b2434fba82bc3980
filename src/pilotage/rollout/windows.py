"""Freezes and maintenance windows: what applies now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pilotage.model.calendar import WEEKDAYS, Freeze
from pilotage.model.snapshot import KnownCalendar, KnownWindow


def reigning(freezes: tuple[Freeze, ...], now: float) -> Freeze | None:
    """The freeze that is active at `now`, Unix seconds; of several the one that ends last."""
    here = [f for f in freezes if f.begins.timestamp() <= now < f.ends.timestamp()]
    return max(here, key=lambda f: f.ends, default=None)


def in_words(freeze: Freeze, zone: str) -> str:
    return f"the freeze {freeze.name!r} is active until {freeze.ends.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def outside_windows(calendar: KnownCalendar, now: float) -> str:
    """Why maintenance cannot start now, in words; empty inside a window, and if no windows are configured."""
    windows = calendar.windows
    if not windows:
        return ""
    here = datetime.fromtimestamp(now, ZoneInfo(calendar.zone))
    if any(_is_in(window, here) for window in windows):
        return ""
    agreed = "; ".join(f"{', '.join(WEEKDAYS[d] for d in w.days)} {w.opens}–{w.closes}" for w in windows)
    return f"it is {here:%a %H:%M} in {calendar.zone}, outside the release windows ({agreed})"


def _is_in(window: KnownWindow, here: datetime) -> bool:
    """Whether the window is open; one that closes earlier than it opens is open until the next day."""
    clock, day = f"{here:%H:%M}", here.weekday()
    if window.opens < window.closes:
        return day in window.days and window.opens <= clock < window.closes
    return (day in window.days and clock >= window.opens) or ((day - 1) % 7 in window.days and clock < window.closes)


def freeze_now(calendar: KnownCalendar, declared: Sequence[Freeze], now: float) -> str:
    """The freeze that is active at `now` (Unix seconds), in words: one of the calendar as of the rollout's start, or
    one declared since."""
    planned = tuple(
        Freeze(f.name, datetime.fromtimestamp(f.begins, UTC), datetime.fromtimestamp(f.ends, UTC))
        for f in calendar.freezes
        if f.begins <= now < f.ends
    )
    found = reigning((*planned, *declared), now)
    return in_words(found, calendar.zone) if found else ""
