"""What reports and release notes are with `--format json`."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.output.base import Output, Part
from pilotage.model.output.forecasts import ForecastsPart


class BarOutput(Part, frozen=True, kw_only=True):
    """One value of a figure."""

    label: str
    """What it is the value of."""
    value_percent: float
    """The value."""
    text: str
    """The value as it is written."""
    low_percent: float | None
    """Lower bound of the interval."""
    high_percent: float | None
    """Upper bound of the interval."""


class FigureOutput(Part, frozen=True, kw_only=True):
    """A figure: bars side by side."""

    title: str
    bars: tuple[BarOutput, ...]
    target_percent: float | None
    """Value of the line across all bars."""
    target_label: str
    """What the line is."""


class DocumentSectionOutput(Part, frozen=True, kw_only=True):
    """One section of a document."""

    id: str
    title: str
    sentences: tuple[str, ...]
    """Paragraphs."""
    columns: tuple[str, ...]
    """Titles of the table's columns."""
    rows: tuple[tuple[str, ...], ...]
    """Rows of the table."""
    bullets: tuple[str, ...]
    """Items of the list."""
    links: tuple[str, ...]
    """For each row, the section or address that it leads to; empty for none."""
    figure: FigureOutput | None


class DocumentOutput(Part, frozen=True, kw_only=True):
    """A document as people read it."""

    title: str
    lead: tuple[str, ...]
    """What must be read if nothing else is."""
    sections: tuple[DocumentSectionOutput, ...]


class ExcludedOutput(Part, frozen=True, kw_only=True):
    """A rollout that a metric leaves out."""

    rollout: str
    """Its id."""
    reason: str


class DoraMetricOutput(Part, frozen=True, kw_only=True):
    """One DORA metric."""

    id: str
    """Such as `change-lead-time`."""
    title: str
    unit: str
    """`per week`, `seconds` or `percent`."""
    value: float | None
    """Null if there is nothing to count."""
    low: float | None
    """Lower bound of the 95 % confidence interval."""
    high: float | None
    """Upper bound of the 95 % confidence interval."""
    samples: int
    counted: tuple[str, ...]
    """Ids of the rollouts that it counts."""
    excluded: tuple[ExcludedOutput, ...]


class ReportedRolloutOutput(Part, frozen=True, kw_only=True):
    """One rollout of the period."""

    id: str
    version: str
    status: str
    duration_seconds: float | None
    """Null while it is in progress."""
    reason: str
    """Why it was rolled back, or ended as it did."""


class DoraOutput(Output, frozen=True, kw_only=True):
    """`dora --format json`."""

    formula: int
    """Version of the definitions."""
    metrics: tuple[DoraMetricOutput, ...]
    rollouts: tuple[ReportedRolloutOutput, ...]
    """Rollouts of the period; none if the metrics come from git tags."""


class PeriodReportOutput(DoraOutput, frozen=True, kw_only=True):
    """`report --format json`."""

    report: DocumentOutput
    forecasts: ForecastsPart | None = None
    """Forecasts of risk and their outcomes; null unless the audience is `technical`."""


class IncidentOutput(Output, frozen=True, kw_only=True):
    """`incident --format json`."""

    incident: DocumentOutput


class OverviewOutput(Output, frozen=True, kw_only=True):
    """`report`, `dora`, `retro` and `incident` with `--format json`, of all environments together."""

    overview: DocumentOutput


class RetrospectiveOutput(Output, frozen=True, kw_only=True):
    """`retro --format json`."""

    retrospective: DocumentOutput


class NoteOutput(Part, frozen=True, kw_only=True):
    """One line of release notes."""

    id: str
    """Id of the commit."""
    text: str
    scope: str
    """Part of the software, if the commit names one."""
    request: str
    """Number of the pull or merge request."""
    issues: tuple[str, ...]
    """Issues that it names."""
    authors: tuple[str, ...]
    """Names of its authors."""
    guessed: bool
    """Whether its kind is a guess."""
    value: str = ""
    """What it is worth to users, if the commit has a `Value:` trailer."""
    details: str = ""
    """How it works, for those who build on it, if the commit has a `Implementation:` trailer."""


class NotesSectionOutput(Part, frozen=True, kw_only=True):
    """One section of release notes."""

    title: str
    items: tuple[NoteOutput, ...]


class BreakingOutput(Part, frozen=True, kw_only=True):
    """A breaking change."""

    id: str
    """Id of the commit."""
    text: str
    """What changed."""
    migration: str
    """What to do about it, if the commit says so."""
    impact: str = ""
    """On whom, if the commit has an `Impact:` trailer."""
    works_until: str = ""
    """When the old way stops working, if the commit has a `Works-until:` trailer."""


class ApiChangeOutput(Part, frozen=True, kw_only=True):
    """A change of an OpenAPI document that concerns callers."""

    method: str
    """In capitals."""
    path: str
    """As the document has it."""
    place: str
    """Such as `query parameter limit`; empty for the whole operation."""
    change: str
    """What changed."""
    callers_must: str
    """What callers do about it."""
    breaks: bool
    """Whether it breaks callers for certain; else it depends on what they send or do."""


class NotesOutput(Output, frozen=True, kw_only=True):
    """`notes --format json`."""

    service: str
    version: str
    date: str | None
    """Day of the release."""
    audience: str
    """`developer`, `user` or `executive`."""
    range: str
    """The commits, as given."""
    counts: Mapping[str, int]
    """Changes of each kind, including those that this audience does not see."""
    guessed: int
    """Changes whose kind is a guess."""
    breaking: tuple[BreakingOutput, ...]
    may_break: tuple[str, ...]
    """Changes that sound breaking, though nothing declares them so: `#` and the request's number, or the commit."""
    sections: tuple[NotesSectionOutput, ...]
    contributors: tuple[str, ...]
    """Names, most changes first; only for developers."""
    measured: Mapping[str, str]
    """Metrics of this version's last rollout, against the version before."""
    api: tuple[ApiChangeOutput, ...] = ()
    """Changes of the repository's OpenAPI documents that concern callers."""
    steps: tuple[str, ...] = ()
    """What this audience does to update."""
    support: Mapping[str, str] = {}
    """Where readers get help: `documentation`, `portal`, `training` and `contact`, as far as configured."""
    upcoming: tuple[str, ...] = ()
    """Features that come next."""
    next_release: str | None = None
    """Its version and day."""
    roadmap: str | None = None
    """Its address."""
    feedback: str | None = None
    """Address where readers say what they need."""
    left_out: Mapping[str, str] = {}
    """Lines of complete release notes that these do not have, and why."""
