"""What is known of a change before it is released: how likely it needs a repair, why, and what to do about it (R17)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from pilotage.model.answers import DeploymentStrategy


class RiskLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(RiskLevel).index(self)


CAREFULNESS = (
    DeploymentStrategy.BIG_BANG,
    DeploymentStrategy.ROLLING,
    DeploymentStrategy.BLUE_GREEN,
    DeploymentStrategy.CANARY,
    DeploymentStrategy.FEATURE_TOGGLE,
)
"""Ordered from the one that exposes most users at once to the one that exposes fewest."""


class Horizon(IntEnum):
    """Days after a change within which a repair counts."""

    DAYS_30 = 30
    DAYS_90 = 90
    YEARS_2 = 730

    @property
    def words(self) -> str:
        return "within two years" if self is Horizon.YEARS_2 else f"within {self.value} days"


class RiskFactor(StrEnum):
    """The six factors of R17."""

    COMPLEXITY = "code complexity"
    INFRASTRUCTURE = "infrastructure changes"
    MIGRATIONS = "database migrations"
    DEPENDENCIES = "external dependencies"
    EXPERIENCE = "team experience"
    TIMING = "deployment timing"


@dataclass(frozen=True)
class Finding:
    """One thing that raises the risk, and its place. level: the whole release has at least this level because of it ·
    mitigation: what people can do about it."""

    factor: RiskFactor
    level: RiskLevel
    sentence: str
    place: str = ""
    mitigation: str = ""


@dataclass(frozen=True)
class FactorRisk:
    """share_percent: of the measured risk; all factors add up to 100 or 0 · sentence: the reason."""

    factor: RiskFactor
    level: RiskLevel
    share_percent: float
    sentence: str


@dataclass(frozen=True)
class ChangeRisk:
    """One change of the range: its probability of needing a repair, and each factor's part of its log-odds beyond the
    usual change's."""

    commit: str
    subject: str
    author: str
    score: float
    parts: tuple[tuple[RiskFactor, float], ...]


@dataclass(frozen=True)
class Assessment:
    """revisions: `A..B`, as full commits · probability_percent: that something of it needs a repair · model: what
    measured it · strategy: recommended · settings: numbers of the plan that go with it, as they could be written ·
    breaking, feature: the first change that breaks callers, and the first feature; empty for none."""

    revisions: str
    changes: int
    probability_percent: float
    level: RiskLevel
    factors: tuple[FactorRisk, ...]
    findings: tuple[Finding, ...]
    mitigations: tuple[str, ...]
    strategy: DeploymentStrategy
    settings: tuple[tuple[str, str], ...]
    why: str
    model: str
    breaking: str = ""
    feature: str = ""

    @property
    def chance(self) -> str:
        """`98.2% probability that at least one of 40 changes will need a fix`."""
        percent = self.probability_percent
        score = "over 99.9%" if percent > 99.9 else f"{round(percent, 1):.4g}%"
        which = "1 change" if self.changes == 1 else f"at least one of {self.changes} changes"
        return f"{score} probability that {which} will need a fix"

    @property
    def advice(self) -> str:
        """The recommended strategy with its numbers, and why."""
        numbers = "".join(f", {path}: {value}" for path, value in self.settings)
        return f"{self.strategy}{numbers}: {self.why}"
