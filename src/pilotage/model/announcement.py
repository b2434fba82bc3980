"""An item of a plan's communication calendar, and its state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pilotage.model.schedule import After


class State(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    WAITING = "waiting"
    """Until its release has come to the moment that it speaks of."""
    SCHEDULED = "scheduled"
    """Until a time."""
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    """The release was undone, or the message would be false."""
    SKIPPED = "skipped"


OPEN = (State.DRAFT, State.APPROVED)
"""Somebody has to act."""


class Released(Protocol):
    """A version of a service in an environment: a plan, or a stored announcement."""

    @property
    def service(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def version(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """The same as plain words."""

    service: str
    environment: str
    version: str


@dataclass(frozen=True)
class Announced:
    """One item of the calendar and its state.

    due: Unix seconds, None without a date · text: of a person, or what was sent; None for the template's · after: the
    moment that it waits for · not_before, happened_at: Unix seconds; the latter of that moment, None before it · own: a
    person wrote the text · told: channels that have it.
    """

    item: str
    title: str
    audience: str
    owner: str
    state: State
    due: float | None
    text: str | None
    actor: str = ""
    reason: str = ""
    after: After = After.NOTHING
    not_before: float | None = None
    happened_at: float | None = None
    own: bool = False
    told: tuple[str, ...] = ()

    def overdue(self, now: float) -> bool:
        """Nothing is late before its moment has come."""
        come = self.after is After.NOTHING or self.happened_at is not None
        return self.state in OPEN and come and self.due is not None and self.due < now
