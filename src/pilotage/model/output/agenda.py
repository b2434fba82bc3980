"""What the server gives for the calendar."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class AgendaEntryOutput(Part, frozen=True, kw_only=True):
    """Something in the calendar."""

    uid: str
    """The same for ever; also the UID of the entry in the feed."""
    kind: str
    """`rollout`, `release`, `freeze`, `window`, `meeting`, `train` or `holiday`."""
    title: str
    service: str | None
    """Null for what concerns all."""
    environment: str | None
    begins: str
    ends: str | None
    """Null while it is under way."""
    words: str


class AgendaConflictOutput(Part, frozen=True, kw_only=True):
    """Why a day does not work as planned."""

    day: str
    sentence: str
    services: tuple[str, ...]


class AgendaOutput(Output, frozen=True, kw_only=True):
    """`/calendar.json`."""

    first: str
    last: str
    time_zone: str
    entries: tuple[AgendaEntryOutput, ...]
    conflicts: tuple[AgendaConflictOutput, ...]
