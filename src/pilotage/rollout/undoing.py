"""The rollback: its start, and its three ends. What happens between is the strategy's `undo`."""

from __future__ import annotations

from typing import Unpack

from pilotage.model.events import Failed, InterventionRequired, RollbackStarted, RolledBack
from pilotage.model.rollout import Details, Status
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
    """The way back is complete. outcome: what was read back."""
    turn.enter(Status.ROLLED_BACK, **changes)
    turn.tell(RolledBack(version=turn.state.new, outcome=outcome, reason=turn.state.reason))


def fail_rollback(turn: Tick, left: str) -> None:
    """The rollback timed out: an operator must act, and learns what is left to do (R21)."""
    turn.enter(Status.FAILED, reason=f"{turn.state.reason}; the rollback is not complete: {left}")
    turn.tell(Failed(version=turn.state.new, reason=turn.state.reason, error=turn.seen.trouble))


def fail_without_a_way_back(turn: Tick) -> None:
    """The first version of a service has nothing to go back to."""
    turn.enter(Status.FAILED, reason=f"{turn.state.reason}; there is no earlier version to roll back to")
    turn.tell(Failed(version=turn.state.new, reason=turn.state.reason))
