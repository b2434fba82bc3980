"""What is known of a change before it is released: how likely it needs a repair, why, and what to do about it (R17)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.text import line


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


_LONGEST = 8000
"""Characters of a finding with its place; a path has at most 4,096 bytes."""


@dataclass(frozen=True)
class Finding:
    """One thing that a person can act on, and its place.

    level: how much harm it can do; those of a factor that is scored raise the whole release to their level ·
    mitigation: what people can do about it · link: where to read more, such as a changelog; empty for none.
    """

    factor: RiskFactor
    level: RiskLevel
    sentence: str
    place: str = ""
    mitigation: str = ""
    link: str = ""

    @property
    def in_place(self) -> str:
        """`drops table orders (db/migrations/2.sql)`, in one line whatever the name of the file."""
        return line(f"{self.sentence} ({self.place})" if self.place else self.sentence, _LONGEST)


CONTEXT = frozenset((RiskFactor.EXPERIENCE, RiskFactor.TIMING))
"""Factors that are shown and never scored: neither foretells a repair in the data that the model was tested on."""


@dataclass(frozen=True)
class FactorRisk:
    """One of the six factors. scored: False for context, whose level is low and says nothing · sentence: the reason."""

    factor: RiskFactor
    level: RiskLevel
    sentence: str
    scored: bool = True


@dataclass(frozen=True)
class ChangeRisk:
    """One change of the range. score: probability that it needs a repair within the horizon, 0…1 · lines: added and
    deleted lines that a reviewer reads, without tests, documents and lock files · files: how many files they are in ·
    paths: at most three of these, most lines first."""

    commit: str
    subject: str
    author: str
    score: float
    lines: int = 0
    files: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Where a range stands among earlier releases of the same project, of the two years before it. releases: how many
    were measured, newest first without a gap · riskier_than: how many of them had a lower probability · unmeasured: how
    many older ones were not, because they have too many changes or lie on several branches."""

    releases: int
    riskier_than: int
    unmeasured: int = 0

    @property
    def share(self) -> float:
        return self.riskier_than / self.releases

    @property
    def sentence(self) -> str:
        """`riskier than 8 of the last 10 releases`."""
        if self.releases == 1:
            words = f"{'riskier' if self.riskier_than else 'no riskier'} than the last release"
        else:
            which = "all" if self.share == 1 else str(self.riskier_than)
            words = f"riskier than {which}" if self.riskier_than else "no riskier than any"
            words += f" of the last {self.releases} releases"
        if not self.unmeasured:
            return words
        older = "1 older one was" if self.unmeasured == 1 else f"{self.unmeasured} older ones were"
        return f"{words} ({older} not measured)"


@dataclass(frozen=True)
class Assessment:
    """revisions: `A..B`, as full commits · probability_percent: that something of it needs a repair within horizon_days
    · model: what measured it · strategy: recommended · settings: numbers of the plan that go with it, as they could be
    written · breaking, feature: the first change that breaks callers, and the first feature; empty for none · standing:
    None where no earlier release could be measured · read_first: changes worth reading first, best first · notes: how
    the range was read, where that is not obvious · doubt: why these are not the commits of the release; empty where
    nothing tells so."""

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
    standing: Standing | None = None
    read_first: tuple[ChangeRisk, ...] = ()
    notes: tuple[str, ...] = ()
    horizon_days: int = Horizon.YEARS_2.value
    doubt: str = ""

    @property
    def chance(self) -> str:
        """`12% probability that at least one of 40 changes will need a fix within 30 days`."""
        if not self.changes:
            return "no changes"
        which = "this change" if self.changes == 1 else f"at least one of {self.changes} changes"
        return f"{self.percent} probability that {which} will need a fix {Horizon(self.horizon_days).words}"

    @property
    def percent(self) -> str:
        """The probability as a reader takes it in: `0.4%`, `12%`, `over 99%`."""
        percent = self.probability_percent
        if percent > 99:
            return "over 99%"
        return "under 0.1%" if percent < 0.1 else f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"

    @property
    def lead(self) -> str:
        """The chance, and how it compares with what this project releases."""
        return f"{self.chance}; {self.standing.sentence}" if self.standing else self.chance

    @property
    def short(self) -> str:
        """`12% within 30 days, riskier than 8 of the last 10 releases`, below a heading that says of what."""
        words = f"{self.percent} {Horizon(self.horizon_days).words}"
        return f"{words}, {self.standing.sentence}" if self.standing else words

    @property
    def advice(self) -> str:
        """The recommended strategy with its numbers, and why."""
        numbers = "".join(f", {path}: {value}" for path, value in self.settings)
        return f"{self.strategy}{numbers}: {self.why}"

    @property
    def actions(self) -> tuple[Finding, ...]:
        """Findings that a person can do something about; the others are facts of their factor."""
        return tuple(one for one in self.findings if one.mitigation)

    @property
    def worst(self) -> Finding | None:
        """The most harmful thing that a person can act on; None where nothing can do much harm."""
        return next((one for one in self.actions if one.level.rank >= RiskLevel.HIGH.rank), None)

    @property
    def data_loss(self) -> Finding | None:
        """The first migration that destroys data."""
        of_data = (one for one in self.findings if one.factor is RiskFactor.MIGRATIONS)
        return next((one for one in of_data if one.level is RiskLevel.CRITICAL), None)

    @property
    def alarm(self) -> str:
        """`CRITICAL risk: drops table orders (db/migrations/2.sql); 12% probability …`; empty below high."""
        if self.level.rank < RiskLevel.HIGH.rank:
            return ""
        finding = f"{self.worst.in_place}; " if self.worst else ""
        return f"{self.level.upper()} risk: {finding}{self.lead}"

    @property
    def reading(self) -> str:
        """`read these 112 lines first`; empty where no change stands out."""
        lines = sum(one.lines for one in self.read_first)
        return f"read these {lines:,} lines first" if self.read_first else ""
