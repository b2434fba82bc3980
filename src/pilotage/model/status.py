"""The status and the mode of a rollout: the words of every list, without the rest of a rollout's state."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    PROGRESSING = "progressing"
    HOLDING = "holding"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    """Harm returned the users to stable; the new version runs without them until an operator decides."""
    ROLLING_BACK = "rolling-back"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Withdrawn from the queue: it never started, and no user met it."""

    @property
    def word(self) -> str:
        """As pages begin with it: the same word as in lists of the command line and in JSON."""
        return self.value.replace("-", " ").capitalize()

    @property
    def final(self) -> bool:
        return self in (Status.COMPLETED, Status.ROLLED_BACK, Status.FAILED, Status.CANCELLED)


class Mode(StrEnum):
    """How carefully a rollout goes."""

    FULL = "full"
    """Every step."""
    INITIAL = "initial"
    """The first deployment: there is nothing to compare with."""
    FAST_RETURN = "fast-return"
    """Back to a version that is proven already."""
    EMERGENCY = "emergency"
    """No gates and no freezes; analysed only at the first weight."""

    @classmethod
    def _missing_(cls, value: object) -> Mode | None:
        return cls(RENAMED_MODES[value]) if isinstance(value, str) and value in RENAMED_MODES else None


RENAMED_MODES: Mapping[str, str] = {"first": "initial", "fast": "fast-return", "urgent": "emergency"}
"""By what earlier versions called a mode: what it is called today."""
