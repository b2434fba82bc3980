"""What people ask for, in their words: one class a use case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeployRequest:
    """Who asks for a rollout. busy: what to do while another is under way, refuse, queue or supersede · glass: why the
    glass is broken, empty where it is not."""

    actor: str
    busy: str = "refuse"
    glass: str = ""
