"""Where a rollout stands, and how carefully it goes: the words of every list, apart from all else a rollout has."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    PROGRESSING = "progressing"
    HOLDING = "holding"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    """Harm took the users back to stable; the new version runs without them until a person decides."""
    ROLLING_BACK = "rolling-back"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Withdrawn from the queue: it never started, and no user met it."""

    @property
    def final(self) -> bool:
        return self in (Status.COMPLETED, Status.ROLLED_BACK, Status.FAILED, Status.CANCELLED)


class Pace(StrEnum):
    """full: every step · first: nothing is there to compare with · fast: to a version already proven · urgent: the
    glass was broken: no gates, no freezes, and watched only at the first weight."""

    FULL = "full"
    FIRST = "first"
    FAST = "fast"
    URGENT = "urgent"
