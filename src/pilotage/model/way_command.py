"""What people ask of a way: plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.actor import Actor


class WayCommandKind(StrEnum):
    APPROVE = "approve"
    """Of the stage that waits for it."""
    PROMOTE = "promote"
    """The stage that waits for a person begins."""
    HOLD = "hold"
    RESUME = "resume"
    RETRY = "retry"
    """The stage that was cut off runs again."""
    ABORT = "abort"


@dataclass(frozen=True, kw_only=True)
class WayCommand:
    """stage: that the person saw when they answered; empty for the current one · at: Unix seconds."""

    id: int
    kind: WayCommandKind
    actor: Actor
    at: float
    stage: str = ""
    reason: str = ""
