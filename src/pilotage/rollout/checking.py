"""What a check of a plan asks by itself, beside the checks that the configuration adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pilotage.model import step_ids as ids
from pilotage.model.events import CheckSkipped
from pilotage.model.observation import CheckStatus, VerdictKind
from pilotage.rollout.sight import check_status, healthy, present
from pilotage.rollout.turn import Turn


def _new_is_healthy(turn: Turn) -> str:
    well = healthy(turn.seen, turn.state.new)
    return "" if well >= turn.step.instances else f"{well} of {turn.step.instances} instances are healthy"


def _old_is_healthy(turn: Turn) -> str:
    if turn.state.old is None:
        return ""
    well = healthy(turn.seen, turn.state.old)
    return "" if well >= turn.plan.instances else f"{well} of {turn.plan.instances} instances are healthy"


def _old_is_there(turn: Turn) -> str:
    there = turn.state.old is None or (turn.seen.instances is not None and present(turn.seen, turn.state.old))
    return "" if there else f"no instance of {turn.state.old} runs, and nothing else says that it can be started"


def _monitoring_answers(turn: Turn) -> str:
    failing = [v for v in turn.seen.verdicts if v.kind is VerdictKind.SOURCE_ERROR]
    if failing:
        return failing[0].sentence
    return "" if turn.seen.verdicts else "the metrics source has not answered yet"


def _inside_the_window(turn: Turn) -> str:
    return turn.seen.outside


_ASKS: Mapping[str, Callable[[Turn], str]] = {
    ids.CHECK_HEALTH: _new_is_healthy,
    ids.CHECK_HEALTH_CHECKS: _new_is_healthy,
    ids.CHECK_INSTANCES: _new_is_healthy,
    ids.VERIFY: _new_is_healthy,
    ids.CHECK_MINIMUM: _old_is_healthy,
    ids.CHECK_WAY_BACK: _old_is_there,
    ids.CHECK_MONITORING: _monitoring_answers,
    ids.CHECK_WINDOW: _inside_the_window,
}
"""By the step's id: the question it asks of what was seen; empty is yes."""


def checked(turn: Turn) -> bool:
    """Whether the step's own question and the configured checks are answered with yes.

    A step with neither has nobody to ask: it passes, and says so, for a person to see.
    """
    name = turn.step.id
    if name not in _ASKS and name not in turn.seen.hooks:
        turn.tell(CheckSkipped(step=name, title=turn.step.title))
        return True
    return not unchecked(turn)


def unchecked(turn: Turn) -> str:
    """What is not answered with yes yet; empty when everything is."""
    asks = _ASKS.get(turn.step.id)
    if asks is not None and (why := asks(turn)):
        return why
    status = check_status(turn.seen, turn.step.id, turn.state.attempt)
    if status is CheckStatus.PASSED:
        return ""
    result = turn.seen.check(turn.step.id, turn.state.attempt)
    return f"{status or 'not begun'}{': ' + result.detail if result and result.detail else ''}"
