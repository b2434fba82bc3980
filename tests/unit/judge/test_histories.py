"""What the judge knows beforehand: earlier rollouts, those of this hour before those of any hour."""

from __future__ import annotations

from calendar import timegm
from typing import Any

import pytest

from pilotage.engine.execution.histories import history_of
from pilotage.judge.look import Beside
from pilotage.judge.release import ReleaseJudge
from pilotage.model.live import JudgeState
from pilotage.model.observation import Observation, Reading
from tests.plans import a_plan

MONDAY_NOON = timegm((2026, 11, 23, 12, 0, 0))
HOUR, DAY = 3600, 86400


class Known:
    """A store of judged rollouts: when each began, its errors and its requests."""

    def __init__(self, *known: tuple[float, int, int]) -> None:
        self._known = known

    def judged(self, _service: str, _environment: str, _limit: int) -> tuple[tuple[float, JudgeState], ...]:
        def of(bad: int, total: int) -> JudgeState:
            sums = {"stable_bad": bad, "stable_total": total}
            return JudgeState(sums={"users": {"ever": sums, "bursts": {"factor": 1.0}}})

        return tuple((at, of(bad, total)) for at, bad, total in self._known)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ((MONDAY_NOON - 7 * DAY - 2 * HOUR, 5, 1000), (5, 1000)),  # nearly the same hour of a week ago
        ((MONDAY_NOON - 12 * HOUR, 5, 1000), (55, 2000)),  # the night before: all of it, for lack of better
        ((MONDAY_NOON - DAY, 5, 1000), (55, 2000)),  # the same hour of a Sunday
        ((MONDAY_NOON - DAY * 3, 5, 999), (55, 1999)),  # the same hour of a Friday, too few requests
    ],
)
def test_history_is_of_this_time_of_the_day_and_the_week_where_enough_is_known(
    others: tuple[float, int, int], expected: tuple[int, int]
) -> None:
    known: Any = Known((MONDAY_NOON - 2 * DAY, 50, 1000), others)
    history = history_of(known, "shop", "production", MONDAY_NOON)
    assert history is not None
    assert (history.bad, history.total) == expected


def test_what_another_version_wrote_is_passed_over() -> None:
    known: Any = Known()
    known.judged = lambda *_: ((MONDAY_NOON, JudgeState(sums={"errors": "gone"})),)
    assert history_of(known, "shop", "production", MONDAY_NOON) is None


def test_what_a_judge_writes_down_is_read() -> None:
    judge = ReleaseJudge(a_plan(tolerance="medium"), "new", "old")
    observations = (Observation("new", 100, 0), Observation("old", 2000, 3))
    judge.observe(Reading(observations, {}, 0.0), (), Beside("old"))
    known: Any = Known()
    known.judged = lambda *_: ((MONDAY_NOON, JudgeState(sums=judge.to_dict())),)
    history = history_of(known, "shop", "production", MONDAY_NOON)
    assert history is not None
    assert (history.bad, history.total) == (3, 2000)
