"""Moments as programs read them, ISO 8601 in UTC, and deadlines as people do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def timestamp(at: float) -> str: ...
@overload
def timestamp(at: None) -> None: ...
@overload
def timestamp(at: float | None) -> str | None: ...
def timestamp(at: float | None) -> str | None:
    """Such as `2026-11-26T09:30:00.250Z`. at: Unix seconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> float | None:
    """Unix seconds of what `timestamp` wrote; None where it is empty, or no moment."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def local_minute(written: str) -> str:
    """`2026-11-27T10:12:07.776Z` by the clock of this machine, as tables show it: `2026-11-27 10:12`."""
    return f"{datetime.fromisoformat(written).astimezone():%Y-%m-%d %H:%M}"


def local_deadline(until: float, at: float) -> str:
    """By the clock of this machine, to the minute: `10:12`, or `2026-11-27 10:12` where that is another day than `at`.
    until, at: Unix seconds."""
    then, today = (datetime.fromtimestamp(one, UTC).astimezone() for one in (until, at))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M}"
