"""A decision that a rollout waits for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """until: Unix seconds, while the rollout is attended all the time · commands: what a person can answer with."""

    until: float
    commands: tuple[str, ...]
    then: str
