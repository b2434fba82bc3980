"""What `harm list` and `feedback list` print with `--json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class UserReportOutput(Part, frozen=True, kw_only=True):
    """A report of a problem, or feedback."""

    number: int
    service: str
    environment: str
    version: str | None
    """The version that it is about; null if nobody named one."""
    source: str
    """`form`, `signed` or `person`."""
    received_at: str
    """When it came."""
    text: str
    """Empty if nothing was written, or it has been pruned."""
    request: str | None
    """Id of the request that it is about."""
    rating: int | None
    """1 to 5; null for a report of a problem."""
    state: str
    """`open`, `confirmed` or `dismissed`."""
    decided_by: str | None
    """Who confirmed or dismissed it; null while it is open."""
    reason: str
    """Why it was confirmed or dismissed."""


class UserReportsOutput(Output, frozen=True, kw_only=True):
    """`harm list`, `feedback list`."""

    reports: tuple[UserReportOutput, ...]
    """Newest first."""
