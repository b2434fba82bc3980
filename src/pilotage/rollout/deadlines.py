"""How long a rollout waits for a decision, and what follows without one (rule 6: every wait ends)."""

from __future__ import annotations

from pilotage.model.awaited import Awaited
from pilotage.model.plan import Plan
from pilotage.model.rollout import HoldCause, RolloutState, Status

_GOES_ON = (HoldCause.REGRESSION, HoldCause.INSUFFICIENT_DATA, HoldCause.SOURCE_ERROR)
"""Causes of a pause after which a missing answer may mean "continue"."""


def awaited(plan: Plan, state: RolloutState) -> Awaited | None:
    """The decision that the rollout waits for; None while it continues by itself."""
    answers: tuple[str, ...]
    cause = state.hold.cause if state.hold else None
    match state.status:
        case Status.WITHDRAWN if not state.excuse:
            left, answers = plan.number("hold.decision_timeout") - state.in_status, ("promote", "retry", "abort")
        case Status.PAUSED:
            left, answers = plan.number("pause.timeout") - state.in_status, ("resume", "abort")
        case Status.HOLDING if cause is HoldCause.APPROVAL and state.hold:
            left, answers = plan.steps[state.step].timeout - state.hold.held, ("approve", "reject")
        case Status.HOLDING if cause is HoldCause.DEGRADED and state.hold:
            left, answers = plan.number("hold.decision_timeout") - state.hold.held, ("promote", "abort")
        case _:
            return None
    then = "it rolls back, or continues if only data is missing" if cause in _GOES_ON else "it rolls back"
    return Awaited(until=state.at + max(0.0, left), commands=answers, then=then)
