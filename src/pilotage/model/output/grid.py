"""What the server gives for the grid of services."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part
from pilotage.model.output.rollouts import OutageOutput


class GridDriftOutput(Part, frozen=True, kw_only=True):
    """How a version compares with that of another environment."""

    kind: str
    """`behind`, `ahead of` or `differs from`."""
    environment: str
    version: str


class GridCellOutput(Part, frozen=True, kw_only=True):
    """One environment of a service."""

    environment: str
    serving: str | None
    """The version that all users have; null for none."""
    serving_since: str | None
    """When it had all users; null if no rollout says so."""
    age_seconds: float | None
    """Time since then."""
    drift: GridDriftOutput | None
    arriving: str | None
    """The version that rolls out or goes back; null if nothing does."""
    arriving_rollout: str | None
    """Id of that rollout."""
    arriving_status: str | None
    arriving_percent: float | None
    """Share of requests that it gets, as the router reports it; null if nobody could read it."""
    last_rollout: str | None
    """Id of the rollout that started last."""
    last_status: str | None
    last_ended_at: str | None
    """When the last rollout ended."""
    queued: int
    """Rollouts that wait."""
    freezes: tuple[str, ...]
    """Names of the declared freezes that hold."""
    configured: bool
    """Whether pilotage.yaml has the environment."""
    outage: OutageOutput | None
    """Null while users are served, or where nothing was deployed."""


class GridServiceOutput(Part, frozen=True, kw_only=True):
    """One service."""

    service: str
    environments: tuple[GridCellOutput, ...]


class GridOutput(Output, frozen=True, kw_only=True):
    """`/services.json`."""

    environments: tuple[str, ...]
    """Names of all, in the order of the way if there is one."""
    services: tuple[GridServiceOutput, ...]
