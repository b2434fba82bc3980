"""What people ask for, in their words: one class a use case."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.rollout import CommandKind


@dataclass(frozen=True)
class DeployRequest:
    """Who asks for a rollout. busy: what to do while another is under way, refuse, queue or supersede · glass: why the
    glass is broken, empty where it is not."""

    actor: str
    busy: str = "refuse"
    glass: str = ""


@dataclass(frozen=True, kw_only=True)
class CommandRequest:
    """environment: None for the only one · reason: kept with the rollout · full: of `promote`, leave out every analysis
    that is left."""

    kind: CommandKind
    environment: str | None = None
    reason: str = ""
    full: bool = False
