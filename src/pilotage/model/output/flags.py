"""What `flag` prints with `--json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class FlagOutput(Output, frozen=True, kw_only=True):
    """`flag show`."""

    flag: str
    groups: tuple[str, ...]
    weight_percent: float
    """Share of the users outside the groups."""


class FlagDrillOutput(Output, frozen=True, kw_only=True):
    """`flag drill`."""

    flag: str
    environment: str
    duration_seconds: float
    """To turn the flag on and off for a test user."""
    next_drill: str | None
    """The day of the next drill of a kill switch; none for a flag that does not stay."""


class FlagExperimentOutput(Output, frozen=True, kw_only=True):
    """`flag experiment`."""

    rollout: str
    version: str
    winner: str | None
    """`on`, `off`, or none while no difference is shown."""
    difference_points: float | None
    """Of the error rates, with the flag less without it, in percentage points."""
    interval_points: tuple[float, float | None] | None
    """Of the same, at 95 % and at any time; none is an open end."""
    on_requests: int
    """Requests with the flag."""
    off_requests: int
    """Requests without it."""
    sentence: str
    """The same in words."""


class StaleFlag(Part, frozen=True, kw_only=True):
    """A flag that has been on for everyone for too long, or that is past its day."""

    flag: str
    days: float
    """For which everyone has had it, or since it expired."""
    version: str
    """The version that introduced it; empty if no release has turned it on."""
    expired: str | None = None
    """The day on which it expired; none if it has no day of its own."""


class StaleFlagsOutput(Output, frozen=True, kw_only=True):
    """`flag stale`."""

    stale: tuple[StaleFlag, ...]
