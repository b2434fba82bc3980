"""What the plan of a release forecast of its risk, and what became of the release."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.risk import RiskLevel

DAY = 86400.0


class Fate(StrEnum):
    """What became of a release within the time that its forecast is about."""

    REPAIRED = "repaired"
    HELD = "held"
    OPEN = "open"
    """The time is not over, and nothing is known against the release so far."""
    UNKNOWN = "unknown"
    """The time is over, and nobody can tell. It never counts as held."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a plan said of its release before the rollout began.

    rollout: the first one of the version in its environment that completed or did harm; the first of all where none has
    · began: Unix seconds, when that rollout ended; until one has, when it started · probability: 0…1, that something of
    the release needs a repair within `days` · riskier_than: percent of the project's earlier releases, None where there
    are too few · revisions: `A..B`, as full commits · model: what measured it.
    """

    rollout: str
    version: str
    began: float
    probability: float
    level: RiskLevel
    days: int
    changes: int
    revisions: str
    model: str
    riskier_than: float | None = None

    @property
    def until(self) -> float:
        """Unix seconds: when the forecast's time is over."""
        return self.began + self.days * DAY


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """why: what is known of the release, in words; empty while it is open."""

    fate: Fate
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A forecast with its outcome. ripe: its time is over, so it counts · the outcome can be known before that."""

    forecast: Forecast
    outcome: Outcome
    ripe: bool

    @property
    def counts(self) -> bool:
        return self.ripe and self.outcome.fate in (Fate.REPAIRED, Fate.HELD)
