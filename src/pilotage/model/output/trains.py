"""What `train` prints as JSON."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class DepartureOutput(Part, frozen=True, kw_only=True):
    """A train."""

    train: str
    """Day of its rule, ISO 8601. It keeps this name when it departs earlier."""
    departs_at: str
    """When the rollout is to start."""
    cutoff_at: str
    """Until when changes board."""
    late_until: str
    """Until when those board that may do so late."""
    moved: str | None
    """Why it departs earlier than its rule says."""
    phase: str | None
    """Phase that people work in for it, by the safe schedule; null before its first one."""
    versions: tuple[str, ...]
    """Tracked releases that go with it."""


class NoTrainOutput(Part, frozen=True, kw_only=True):
    """A day of the rule on which no train runs."""

    train: str
    """Day of its rule, ISO 8601."""
    why: str
    """In a sentence."""


class DeparturesOutput(Output, frozen=True, kw_only=True):
    """`train departures --format json`."""

    name: str
    """Name of the train."""
    rule: str
    """Its days as an RRULE (RFC 5545)."""
    time: str
    """Time of the day, in `zone`."""
    zone: str
    """Time zone of the calendar."""
    source: str
    """What the rule is from."""
    departures: tuple[DepartureOutput, ...]
    """The next ones."""
    none: tuple[NoTrainOutput, ...]
    """Days of the rule between these on which no train runs."""


class PassengerOutput(Part, frozen=True, kw_only=True):
    """A change on board."""

    commit: str
    """Full id."""
    title: str
    """In words."""
    kind: str
    """Kind of change, such as `feature`."""
    request: str | None
    """Pull or merge request, such as `#12`."""
    tickets: tuple[str, ...]
    """Tickets that it names."""
    authors: tuple[str, ...]
    """Who wrote it."""
    merged_at: str
    """When it came into the branch."""
    late_by: str | None
    """Who boarded it after the cut-off."""
    late_reason: str | None
    """Why."""
    services: tuple[str, ...]
    """Of several services, those that it belongs to."""


class TrainOutput(Output, frozen=True, kw_only=True):
    """`train`."""

    name: str
    """Name of the train."""
    next: DepartureOutput | None
    """Null if the rule has ended."""
    boarding: str
    """`open`, `late` for those who may still board, or `closed`."""
    left_seconds: float
    """Working time until boarding ends."""
    late_roles: tuple[str, ...]
    """Who may board a change late."""
    since: tuple[str, ...]
    """Tags of the last versions, one of each service that has paths or tags of its own."""
    aboard: tuple[PassengerOutput, ...]
    """Changes that it carries, newest first."""
    missed: tuple[PassengerOutput, ...]
    """Changes that came after the cut-off."""
    unknown: str | None
    """Why nothing is known of what is on board."""
    in_flight: tuple[DepartureOutput, ...]
    """Trains that people work on, the next one first."""
