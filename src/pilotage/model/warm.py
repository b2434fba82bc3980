"""Until when the last good version stays ready after a release, so that a rollback is a shift and not a start."""

from __future__ import annotations

from pilotage.model.plan import Plan
from pilotage.model.rollout import RolloutState
from pilotage.model.status import Mode, Status

_WITH_AN_OLD_ONE = (Mode.FULL, Mode.EMERGENCY)


def keeps_warm(plan: Plan) -> bool:
    """Whether the plan has the old version stay ready. Plans from before there was such a setting have not."""
    try:
        return bool(plan.setting("rollback.keep_warm").value)
    except KeyError:
        return False


def warm_until(plan: Plan, state: RolloutState) -> float | None:
    """Unix seconds until which the old version of a completed rollout stays ready; None where it does not. What was
    returned from is never kept: it is no way back."""
    if state.status is not Status.COMPLETED or state.old is None or state.mode not in _WITH_AN_OLD_ONE:
        return None
    return state.at + plan.number("rollback.window") if keeps_warm(plan) else None


def is_warm(plan: Plan, state: RolloutState, now: float) -> bool:
    """Whether the old version is to run now. A clock that was put back makes the time no longer than planned."""
    until = warm_until(plan, state)
    return until is not None and state.at <= max(now, state.at) < until
