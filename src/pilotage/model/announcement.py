"""An item of a plan's communication calendar, and its state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENT = "sent"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Announced:
    """One item of the calendar and its state. due: Unix seconds, None without a date · text: edited text, None for the
    template's."""

    item: str
    title: str
    audience: str
    owner: str
    state: State
    due: float | None
    text: str | None
    actor: str = ""
    reason: str = ""

    def overdue(self, now: float) -> bool:
        return self.state in (State.DRAFT, State.APPROVED) and self.due is not None and self.due < now
