"""Records as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pilotage.model.record import Recorded


def event_lines(recorded: Sequence[Recorded]) -> list[str]:
    """A line an event, by the local clock: `14:03:07  step-started  25% of requests …`."""
    return [f"{local_clock(event.at)}  {event.type_today:<23} {event.sentence}" for event in recorded]


def local_clock(at: float) -> str:
    """Hours, minutes and seconds of a moment in Unix seconds, by the clock of this machine."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"
