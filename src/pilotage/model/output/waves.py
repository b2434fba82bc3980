"""What `waves` prints with `--json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class WaveOutput(Part, frozen=True, kw_only=True):
    """A wave of tenants."""

    name: str
    """As pilotage.yaml calls it."""
    tenants: int | None
    """How many tenants it has; null for the rest."""
    share_percent: float
    """Its share of all users, as far as known."""
    bake_seconds: float
    """How long it is analysed before the next wave; 0 if it goes together with that."""
    day: int | None
    """Working day of the rollout on which it starts; null if it starts when the wave before it was analysed."""
    starts_at: str | None
    """The time that its tenants were told in the rollout in progress, ISO 8601; null without one."""
    state: str
    """What its tenants have in the rollout in progress; empty without one."""


class MoveOutput(Part, frozen=True, kw_only=True):
    """A tenant's wish for another wave."""

    tenant: str
    """Name of the tenant."""
    wave: str
    """The wave with which it gets releases."""
    last_day: str
    """The last day on which the wish holds."""
    actor: str
    """Who recorded it."""
    reason: str
    """Why; empty if nobody said."""
    recorded_at: str
    """When it was recorded, ISO 8601."""


class WavesOutput(Output, frozen=True, kw_only=True):
    """`waves`."""

    environment: str
    """The environment asked about."""
    rollout: str
    """Id of the rollout in progress that has waves; empty without one."""
    version: str
    """Its version; empty without one."""
    outdated: str
    """That the rollout's waves are not those of today; empty if they are."""
    waves: tuple[WaveOutput, ...]
    """In order; the last is the rest."""
    moves: tuple[MoveOutput, ...]
    """Wishes that hold today."""


class WaveMembersOutput(Output, frozen=True, kw_only=True):
    """`waves show`."""

    environment: str
    """The environment asked about."""
    wave: str
    """Name of the wave."""
    tenants: tuple[str, ...]
    """Names of its tenants, in the order of the list; of the rest those that are listed."""


class MovedOutput(Output, frozen=True, kw_only=True):
    """`waves move`."""

    environment: str
    """The environment asked about."""
    move: MoveOutput
    """The recorded wish."""
    before: str
    """The wave of the tenant so far."""
    outdated: str
    """A rollout in progress that keeps the waves that it was planned with; empty without one."""
