"""Checks and approvals: a step's built-in check, the configured checks, and the people who approve.

A built-in check looks at the observed world. `checks:` in the configuration adds further checks to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pilotage.model import step_ids as ids
from pilotage.model.events import Approved, CheckSkipped
from pilotage.model.observation import CheckStatus, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Mode
from pilotage.rollout.sight import check_status, present, too_few
from pilotage.rollout.turn import Tick
from pilotage.rollout.undoing import roll_back


def _new_is_healthy(turn: Tick) -> str:
    return too_few(turn.seen, turn.state.new, turn.step.instances)


def _old_is_healthy(turn: Tick) -> str:
    return "" if turn.state.old is None else too_few(turn.seen, turn.state.old, turn.plan.instances)


def _old_is_there(turn: Tick) -> str:
    there = turn.state.old is None or (turn.seen.instances is not None and present(turn.seen, turn.state.old))
    if there:
        return turn.seen.lacking
    return f"no instance of {turn.state.old} is running, so nothing shows that it can be started again"


def _there_is_room(turn: Tick) -> str:
    return turn.seen.lacking


def _monitoring_answers(turn: Tick) -> str:
    failing = [v for v in turn.seen.verdicts if v.kind is VerdictKind.SOURCE_ERROR]
    if failing:
        return failing[0].sentence
    return "" if turn.seen.verdicts else "the metrics source has not responded yet"


def _inside_the_window(turn: Tick) -> str:
    return turn.seen.outside


_ASKS: Mapping[str, Callable[[Tick], str]] = {
    ids.CHECK_HEALTH: _new_is_healthy,
    ids.CHECK_HEALTH_CHECKS: _new_is_healthy,
    ids.CHECK_INSTANCES: _new_is_healthy,
    ids.VERIFY: _new_is_healthy,
    ids.CHECK_MINIMUM: _old_is_healthy,
    ids.CHECK_WAY_BACK: _old_is_there,
    ids.CHECK_ROOM: _there_is_room,
    ids.CHECK_MONITORING: _monitoring_answers,
    ids.CHECK_WINDOW: _inside_the_window,
}
"""By the step's id: its built-in check of the observed world; empty means passed."""


def awaits_check(turn: Tick) -> str:
    """What has not passed yet, of the built-in and the configured checks; empty when all have.

    A step with neither passes, and `note_skipped` says so.
    """
    asks = _ASKS.get(turn.step.id)
    if asks is not None and (why := asks(turn)):
        return why
    status = check_status(turn.seen, turn.step.id, turn.state.attempt)
    if status is CheckStatus.PASSED:
        return ""
    result = turn.seen.check(turn.step.id, turn.state.attempt)
    return f"{status or 'not started'}{': ' + result.detail if result and result.detail else ''}"


def note_skipped(turn: Tick) -> None:
    """Report a check that is skipped because none is configured."""
    name = turn.step.id
    if turn.step.kind is StepKind.CHECK and name not in _ASKS and name not in turn.seen.hooks:
        turn.tell(CheckSkipped(step=name, title=turn.title))


def failed_check(turn: Tick) -> bool:
    """A check that failed is an answer, not a wait: the release goes back."""
    if (beside := turn.strategy.failed_check(turn)) is not None:
        roll_back(turn, f"check failed: {beside.name}: {beside.detail}", "check")
        return True
    result = turn.seen.check(turn.step.id, turn.state.attempt)
    if turn.step.kind is not StepKind.CHECK or result is None or result.status is not CheckStatus.FAILED:
        return False
    roll_back(turn, f"check failed: {turn.title}: {result.detail}", "check")
    return True


def take_earlier_approvals(turn: Tick) -> None:
    """Who signed this plan off for production before the start is not asked a second time."""
    if turn.step.id != ids.APPROVE_PRODUCTION or turn.state.approvals or turn.state.mode is not Mode.FULL:
        return
    for person in turn.state.signed:
        turn.set(approvals=(*turn.state.approvals, person))
        turn.tell(approved(turn, person, "signed off before the start"))


def approved(turn: Tick, person: str, reason: str) -> Approved:
    """The approval of the present step that a person has just given."""
    return Approved(
        plan_hash=turn.plan.hash, actor=person, title=turn.title, approvals=len(turn.state.approvals),
        approvals_required=int(turn.plan.number("approval.count")), reason=reason,
    )  # fmt: skip


def awaits_approval(turn: Tick) -> str:
    """Whose approval is waited for; empty once there are enough."""
    given, wanted = len(turn.state.approvals), int(turn.plan.number("approval.count"))
    if turn.state.mode is not Mode.FULL or given >= wanted:
        return ""
    return f"waiting for {turn.title}" + (f" ({given} of {wanted})" if given else "")
