"""How long a service was seen in which condition, on one day."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sight(StrEnum):
    """What is counted of a service that somebody looked at."""

    GOOD = "good"
    DEGRADED = "degraded"
    DOWN = "down"
    CLOSED = "closed"
    """For maintenance, as announced."""


@dataclass(frozen=True, kw_only=True)
class SeenDay:
    """Seconds of one day in UTC. What is missing to the whole day, nobody looked at."""

    good: float = 0.0
    degraded: float = 0.0
    down: float = 0.0
    closed: float = 0.0

    @property
    def whole(self) -> float:
        return self.good + self.degraded + self.down + self.closed
