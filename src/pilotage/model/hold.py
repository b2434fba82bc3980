"""Why a rollout holds its current weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class HoldCause(StrEnum):
    """Why a rollout holds its current weight."""

    SOURCE_ERROR = "source-error"
    INSUFFICIENT_DATA = "insufficient-data"
    INCONCLUSIVE = "inconclusive"
    DEGRADED = "degraded"
    REGRESSION = "regression"
    """Worse than the past, with no stable version to compare with: needs a decision, never rolls back by itself."""
    HARM_SUSPECTED = "harm-suspected"
    """Growing evidence of harm, not yet enough to act on: the ramp of `canary.weights: auto` stays where it is."""
    CANARY_UNHEALTHY = "canary-unhealthy"
    STABLE_UNHEALTHY = "stable-unhealthy"
    ROUTER_UNREACHABLE = "router-unreachable"
    FLAGS_UNREACHABLE = "flags-unreachable"
    APPROVAL = "approval"
    PROVIDER_APPROVAL = "provider-approval"
    """The flag's provider keeps the change until somebody approves it there."""
    FREEZE = "freeze"
    ALERT = "alert"
    """A critical alert of the service fires."""
    LOW_SUCCESS_RATE = "low-success-rate"
    """Too few requests of the new version succeed, yet not so few that it is rolled back."""
    COMPLAINTS = "complaints"
    """More users than usual report problems; an operator has to decide."""
    DEPENDENCY = "dependency"
    """Another service of the release is behind, and this one must not run ahead of it."""
    WAVE_DAY = "wave-day"
    """The next wave of tenants was told a later day."""

    @classmethod
    def _missing_(cls, value: object) -> HoldCause | None:
        return cls(RENAMED_CAUSES[value]) if isinstance(value, str) and value in RENAMED_CAUSES else None


RENAMED_CAUSES: Mapping[str, str] = {
    "past": "regression", "evidence": "harm-suspected", "gate": "approval", "barrier": "dependency",
}  # fmt: skip
"""By what earlier versions called a cause of holds: what it is called today."""


@dataclass(frozen=True)
class Hold:
    """cause, the sentence for people, and the seconds of patience that it has used up."""

    cause: HoldCause
    sentence: str
    held: float = 0.0
