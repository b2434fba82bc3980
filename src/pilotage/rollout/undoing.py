"""The rollback: its start, and its three ends. What happens between is the strategy's `undo`."""

from __future__ import annotations

from typing import Unpack

from pilotage.model.action import Check
from pilotage.model.events import Failed, InterventionRequired, RollbackStarted, RolledBack
from pilotage.model.observation import CheckStatus
from pilotage.model.progress import ToggleProgress
from pilotage.model.rollout import Details, Status
from pilotage.model.step_ids import CHECK_RESTORED
from pilotage.rollout.turn import Tick

_NOT_ITS_FAULT = ("timeout", "instance")
"""Causes of a way back that say nothing against the instances that still answer."""


def roll_back(turn: Tick, reason: str, cause: str, detail: tuple[str, ...] = ()) -> None:
    """Start the rollback; if it is not possible (rule 10), stop here and page an operator. detail: routes, statuses and
    log lines behind the reason, one per line."""
    possible = bool(turn.plan.setting("rollback.enabled").value)
    if not possible and cause != "command" and turn.state.reached:
        if turn.state.status is not Status.PAUSED:
            turn.enter(Status.PAUSED, hold=None, reason=f"{reason}; this release does not roll back automatically")
            turn.tell(
                InterventionRequired(
                    cause=cause, step=turn.step.id, reason=turn.state.reason, harm_started_at=turn.harm_started_at
                )
            )
        return
    progress = turn.strategy.turn_back(turn)
    turn.enter(
        Status.ROLLING_BACK, hold=None, troubles=(), reason=reason, out=False, drained=0.0, returned=False,
        attempt=1, excuse="", progress=progress, convicted=turn.state.convicted or cause not in _NOT_ITS_FAULT,
    )  # fmt: skip
    turn.tell(
        RollbackStarted(
            cause=cause, step=turn.step.id, reason=reason, details=detail, harm_started_at=turn.harm_started_at
        )
    )


def overdue_back(turn: Tick) -> bool:
    """Whether the way back took longer than it may."""
    return turn.state.in_status >= turn.plan.rollback.timeout


def rolled_back(turn: Tick, outcome: str, **changes: Unpack[Details]) -> None:
    """The way back is complete, once the critical functions of what serves now were checked. outcome: what was read
    back."""
    flag_alone = isinstance(progress := changes.get("progress"), ToggleProgress) and progress.dark
    serving = turn.state.new if flag_alone else turn.state.old
    found = _functions_of(turn, serving) if serving else _NOT_ASKED
    if found is None:
        return
    works, said = found
    turn.enter(Status.ROLLED_BACK, **changes)
    failing = "" if works else said
    turn.tell(
        RolledBack(
            version=turn.state.new, outcome=f"{outcome}{said}", reason=turn.state.reason, failing_functions=failing
        )
    )


_NOT_ASKED = (True, "")
_LONGEST_CHECK = 60.0
"""Seconds beyond `rollback.timeout` that the end of a rollback waits for the check of the version that serves again."""


def _functions_of(turn: Tick, serving: str) -> tuple[bool, str] | None:
    """Whether its critical functions work, in words to add; None while they are checked. Users have it back by then."""
    if CHECK_RESTORED not in turn.seen.hooks or not turn.state.reached:
        return _NOT_ASKED
    result = turn.seen.check(CHECK_RESTORED, turn.state.attempt)
    if result is not None and result.status is CheckStatus.PASSED:
        return True, f"; the critical functions of {serving} work"
    if result is not None and result.status is CheckStatus.FAILED:
        return False, f"; but critical functions of {serving} fail: {result.detail}"
    if turn.state.in_status >= turn.plan.rollback.timeout + _LONGEST_CHECK:
        return True, f"; the critical functions of {serving} were not checked in time"
    turn.asked.append(Check(CHECK_RESTORED, turn.state.attempt, serving))
    return None


def fail_rollback(turn: Tick, left: str) -> None:
    """The rollback timed out: an operator must act, and learns what is left to do (R21)."""
    turn.enter(Status.FAILED, reason=f"{turn.state.reason}; the rollback is not complete: {left}")
    turn.tell(Failed(version=turn.state.new, reason=turn.state.reason, error=turn.seen.trouble))


def fail_without_a_way_back(turn: Tick) -> None:
    """The first version of a service has nothing to go back to."""
    turn.enter(Status.FAILED, reason=f"{turn.state.reason}; there is no earlier version to roll back to")
    turn.tell(Failed(version=turn.state.new, reason=turn.state.reason))
