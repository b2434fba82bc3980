"""Records as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pilotage.model.record import Recorded


def event_lines(recorded: Sequence[Recorded]) -> list[str]:
    """A line an event, by the local clock: `14:03:07  step-started  25% of requests …`."""
    return [f"{_clock(event.at)}  {event.type:<19} {event.sentence}" for event in recorded]


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"
