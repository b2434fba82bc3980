"""What `phase` prints as JSON."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class PhaseItemOutput(Part, frozen=True, kw_only=True):
    """An activity or a milestone."""

    item: str
    """Its name in commands."""
    title: str
    """In words."""
    kind: str
    """`activity` or `milestone`."""
    phase: str
    """Phase that it belongs to."""
    owner: str
    """Role that answers for it."""
    assignee: str | None
    """Person who does it."""
    gates: tuple[str, ...]
    """What decides that it is done; empty where a person does."""
    due: str
    """Day, ISO 8601."""
    state: str
    """`open`, `done`, or `refused` for a decision against the release."""
    overdue: bool
    """Its day is over."""
    met_by: str | None
    """`gate`, `milestone`, `file` or `person`; null while it is open."""
    note: str
    """Why a person says so, or what was seen."""
    actor: str | None
    """Who said so; `pilotage` for what shows by itself."""
    changed_at: str | None
    """When this was said or seen."""


class TrackedReleaseOutput(Part, frozen=True, kw_only=True):
    """A scheduled release and its forecast."""

    service: str
    environment: str
    version: str
    planned: str
    """Release date of the plan, ISO 8601."""
    earliest: str
    """Release date if every phase that is left takes its shortest time."""
    safe: str
    """The same with its longest time."""
    late_days: int
    """Open days from `planned` to `earliest`."""
    completed: bool
    """All users have it."""
    items: tuple[PhaseItemOutput, ...]
    """Activities and milestones, in the order of the plan."""


class PhasesOutput(Output, frozen=True, kw_only=True):
    """`phase list`."""

    releases: tuple[TrackedReleaseOutput, ...]
    """By release date."""
