"""How long a phase runs, and so how long its missing requests will take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pilotage.model.quantity import format_duration

_GONE = 5.0
"""Seconds without a request after which the traffic is gone."""


@dataclass
class Pace:
    """began: Unix seconds of the phase's first reading, 0 before it · seconds: from there to the last one · idle:
    seconds since the new version's last request."""

    began: float = 0.0
    seconds: float = 0.0
    idle: float = 0.0

    def note(self, at: float, *, came: bool) -> None:
        """at: Unix seconds of a reading · came: the new version had requests in it."""
        before, self.began = self.began + self.seconds, self.began or at
        self.seconds = at - self.began
        self.idle = 0.0 if came else self.idle + max(0.0, at - (before or at))

    @property
    def flows(self) -> bool:
        """Whether requests still come: to a version that was withdrawn, none do at any pace."""
        return self.idle < _GONE

    def wait(self, had: int, least: int) -> str:
        """In words, if requests continue at this pace; empty while it is unknown."""
        if self.seconds < 1 or not had or not self.flows:
            return ""
        return f", about {format_duration(math.ceil((least - had) * self.seconds / had))} more at this traffic"

    def to_list(self) -> list[float]:
        return [self.began, self.seconds]
