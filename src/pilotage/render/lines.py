"""Records as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pilotage.model.record import Recorded
from pilotage.render.fitted import wrapped

_INDENT = 34
"""Columns before an event's sentence."""


def event_lines(recorded: Sequence[Recorded], width: int | None = None) -> list[str]:
    """One line per event, by the local clock: `14:03:07 step-started 25% of requests …`. width: columns of a line; a
    longer sentence continues below its first word. None for lines of any length."""
    lines = list[str]()
    for event in recorded:
        head = f"{local_clock(event.at)}  {event.type_today:<23} "
        lines += [head + event.sentence] if width is None else wrapped(event.sentence, width, head, " " * _INDENT)
    return lines


def local_clock(at: float) -> str:
    """Hours, minutes and seconds of a moment in Unix seconds, by the clock of this machine."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"


def local_moment(at: float) -> str:
    """Date, time and zone of a moment in Unix seconds, by the clock of this machine."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"
