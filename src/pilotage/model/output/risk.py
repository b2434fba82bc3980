"""What `risk` and `analysis import` print with `--json`."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.output.base import Output, Part


class RiskFactorOutput(Part, frozen=True, kw_only=True):
    """One of the six factors."""

    factor: str
    """Name of the factor."""
    level: str | None
    """`low`, `medium`, `high` or `critical`; null for context, which is never scored."""
    reason: str


class RiskFindingOutput(Part, frozen=True, kw_only=True):
    """One thing that a person can act on."""

    factor: str
    """The factor that it belongs to."""
    level: str
    """How much harm it can do. The release has at least the level of a finding of a scored factor."""
    sentence: str
    """What was found."""
    place: str
    """Where, such as a file and a line."""
    mitigation: str
    """What reduces it."""
    link: str
    """Where to read more, such as a changelog; empty for none."""


class CommitRiskOutput(Part, frozen=True, kw_only=True):
    """One change of the range."""

    commit: str
    """Id of the commit."""
    subject: str
    """First line of its message."""
    author: str
    """Full name of its author; the mail address of who gives none."""
    probability_percent: float
    """Probability that it needs a fix within `horizon_days`."""
    lines: int
    """Changed lines to review, without tests, documents and lock files."""
    files: int
    """Number of files that these lines are in."""
    paths: tuple[str, ...]
    """At most three of these files, most lines first."""


class ComparisonOutput(Part, frozen=True, kw_only=True):
    """Comparison with earlier releases of the same project, of the two years before."""

    releases: int
    """Releases that were measured."""
    riskier_than: int
    """How many of them had a lower probability."""
    unmeasured: int
    """Older releases that were not measured: too many changes, or several branches."""


class RiskOutput(Output, frozen=True, kw_only=True):
    """`risk`."""

    revisions: str
    """The range, as full commit ids."""
    changes: int
    """Number of changes."""
    probability_percent: float
    """Probability that a change of the range needs a fix within `horizon_days`."""
    horizon_days: int
    """Days after the release that the probability covers."""
    comparison: ComparisonOutput | None
    """Null where no earlier release could be measured."""
    level: str
    """`low`, `medium`, `high` or `critical`."""
    factors: tuple[RiskFactorOutput, ...]
    findings: tuple[RiskFindingOutput, ...]
    """Most harmful first."""
    read_first: tuple[CommitRiskOutput, ...]
    """At most three changes that are worth reading first."""
    notes: tuple[str, ...]
    """How the range was read, such as merges of whole branches."""
    mitigations: tuple[str, ...]
    """What reduces the risk."""
    strategy: str
    """Recommended deployment strategy."""
    settings: Mapping[str, str]
    """Recommended settings of the plan, as they would be written."""
    reason: str
    """Why these are recommended."""
    model: str
    """What measured it."""
    commits: tuple[CommitRiskOutput, ...] | None = None
    """Riskiest first; only with `--per-commit`."""


class LevelCheckOutput(Part, frozen=True, kw_only=True):
    """How right the level is on the newest changes, which it did not come from."""

    horizon_days: int
    """A repair within this many days counts."""
    changes: int
    """Changes that it was measured on."""
    found: float
    """Share of them that needed a repair."""
    shipped_foretold: float
    """The share that the shipped model foretells."""
    foretold: float
    """The same with the level kept up."""
    shipped_error: float | None
    """Factor between foretold and found, at least 1; null where nothing was found."""
    error: float | None
    """The same with the level kept up."""
    shipped_brier: float
    """Brier score of the shipped model."""
    brier: float
    """The same with the level kept up."""


class TrainedOutput(Output, frozen=True, kw_only=True):
    """`risk train`."""

    changes: int
    """Changes that the level within 30 days comes from."""
    harmful: int
    """How many of them needed a repair within 30 days."""
    model: str
    """What was learned."""
    taken: bool
    """Whether later assessments use it: false where the shipped level was nearer."""
    intercepts: Mapping[str, float]
    """Log-odds of a usual change, by horizon in days."""
    checks: tuple[LevelCheckOutput, ...]
    """Before and after; none where there are too few changes to tell."""


class RuleOutput(Part, frozen=True, kw_only=True):
    """One rule of an analysis."""

    name: str
    query: str
    """Query for the metric."""
    success_condition: str | None
    """Condition for success, such as `result[0] >= 0.95`."""
    failure_condition: str | None
    """Condition for failure, such as `result[0] < 0.9`."""
    interval_seconds: float | None
    """Time between two measurements."""
    initial_delay_seconds: float
    """Time before the first measurement."""
    count: int | None
    """Number of measurements; null until the step ends."""
    failure_limit: int
    """Tolerated failures; -1 for any number."""
    inconclusive_limit: int
    """Tolerated measurements that neither succeed nor fail."""
    consecutive_error_limit: int
    """Tolerated consecutive errors."""
    consecutive_success_limit: int
    """Consecutive successes that end the analysis early; 0 for none."""
    dry_run: bool
    """Whether the result is ignored."""


class ImportedRulesOutput(Output, frozen=True, kw_only=True):
    """`analysis import`."""

    templates: Mapping[str, tuple[RuleOutput, ...]]
    """Rules by the name of their template."""
    not_imported: tuple[str, ...]
    """What cannot be imported, and why."""
    warnings: tuple[str, ...]
    """About rules that were imported."""
