"""How long a phase runs, and so how long its missing requests will take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pilotage.model.quantity import format_duration


@dataclass
class Pace:
    """began: Unix seconds of the phase's first reading, 0 before it · seconds: from there to the last one."""

    began: float = 0.0
    seconds: float = 0.0

    def note(self, at: float) -> None:
        self.began = self.began or at
        self.seconds = at - self.began

    def wait(self, had: int, least: int) -> str:
        """In words, for requests that come as they did so far; empty while nobody can say."""
        if self.seconds < 1 or not had:
            return ""
        return f", about {format_duration(math.ceil((least - had) * self.seconds / had))} more at this traffic"

    def to_list(self) -> list[float]:
        return [self.began, self.seconds]
