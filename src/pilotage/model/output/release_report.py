"""What the report of a release is with `--format json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part
from pilotage.model.output.reports import DocumentOutput


class ImpactOutput(Part, frozen=True, kw_only=True):
    """A figure before and after the release."""

    name: str
    without: float | None
    """What it would have been without the release; its mean before where that is unknown."""
    after: float | None
    """Its mean after the release."""
    change_percent: float | None
    """Null if it could not be worked out."""
    low_percent: float | None
    """Lower bound of the change. The intervals of all figures hold together with 95 %."""
    high_percent: float | None
    """Upper bound of the change."""
    days_before: int
    """Days before the release that count."""
    days_after: int
    """Days after it that count."""
    control: str
    """Figure by which it was divided first; empty for none."""
    found: bool
    """Whether the change is more than chance explains."""
    reason: str
    """Why there is no change, or no interval; empty otherwise."""


class ReleaseReportOutput(Output, frozen=True, kw_only=True):
    """`report RELEASE --format json`."""

    rollout: str
    """Id of the rollout."""
    version: str
    stable_version: str
    """Version before; empty for the first one."""
    type: str
    """Release type, such as `minor`."""
    strategy: str
    """Deployment strategy, such as `canary`."""
    status: str
    duration_seconds: float | None
    """Null while it is in progress."""
    finished_at: str | None
    """ISO 8601; null while it is in progress."""
    days_covered: int
    """Whole days since its completion that the report covers."""
    performance: tuple[ImpactOutput, ...]
    business: tuple[ImpactOutput, ...]
    report: DocumentOutput
