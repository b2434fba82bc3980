"""R17, R24: what became of a release, from its rollouts and from git; unknown is never counted as held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.model.forecast import DAY, Fate, Forecast
from pilotage.model.risk import RiskLevel
from pilotage.model.status import Status
from pilotage.report.outcomes import Course, Signal, has_served, outcome_of, signals_of

FORECAST = Forecast(
    rollout="r2", version="2.0", began=100 * DAY, probability=0.2, level=RiskLevel.LOW, days=30, changes=3,
    revisions="a..b", model="m",
)  # fmt: skip
FIRST = Course(version="1.0", old="", began=90 * DAY, ended=90.1 * DAY, status=Status.COMPLETED)
GOOD = Course(version="2.0", old="1.0", began=100 * DAY, ended=100.1 * DAY, status=Status.COMPLETED)
UNDONE = replace(GOOD, status=Status.ROLLED_BACK, reason="12% of requests fail", harmed=True)


def after(day: float, version: str, old: str = "2.0", *, returns: bool = False, hotfix: bool = False) -> Course:
    return Course(
        version=version, old=old, began=day * DAY, ended=(day + 0.1) * DAY, status=Status.COMPLETED, returns=returns,
        hotfix=hotfix,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("courses", "why"),
    [
        ([GOOD], ""),
        ([UNDONE], "rolled back: 12% of requests fail"),
        ([replace(UNDONE, status=Status.FAILED)], "failed: 12% of requests fail"),
        ([replace(UNDONE, harmed=False)], ""),  # somebody aborted it
        ([replace(GOOD, harmed=True)], ""),  # it was withdrawn, tried again, and completed
        ([GOOD, after(110, "1.0", returns=True)], "users went back to 1.0"),
        ([GOOD, after(110, "2.0.1", hotfix=True)], "the hotfix 2.0.1 replaced it"),
        ([GOOD, after(110, "2.1")], ""),
        ([GOOD, after(110, "3.0"), after(115, "3.0.1", old="3.0", hotfix=True)], ""),
        # 3.0 is rolled back, and the hotfix repairs 3.0: 2.0 only served meanwhile.
        (
            [GOOD, replace(after(110, "3.0"), status=Status.ROLLED_BACK), after(111, "3.0.1", hotfix=True)],
            "",
        ),
        ([GOOD, after(131, "1.0", returns=True)], ""),  # after its time
    ],
)
def test_rollouts_tell_of_harm(courses: list[Course], why: str) -> None:
    signals = signals_of("2.0", [FIRST, *courses])
    found = outcome_of(FORECAST, signals, now=200 * DAY)
    assert (found.fate, found.why) == ((Fate.REPAIRED, why) if why else (Fate.HELD, ""))


@pytest.mark.parametrize(
    ("signals", "day", "missing", "fate"),
    [
        ([], 129, "", Fate.OPEN),
        ([], 129, "git cannot tell", Fate.OPEN),
        ([], 130, "", Fate.HELD),
        ([], 130, "git cannot tell", Fate.UNKNOWN),
        ([101], 102, "git cannot tell", Fate.REPAIRED),
        ([131], 140, "", Fate.HELD),
        ([131], 140, "git cannot tell", Fate.UNKNOWN),
    ],
)
def test_held_takes_the_whole_time_and_sources_that_saw_it(
    signals: list[int], day: int, missing: str, fate: Fate
) -> None:
    mine = [Signal(at=one * DAY, why="harm") for one in signals]
    found = outcome_of(FORECAST, mine, now=day * DAY, missing=missing)
    assert found.fate is fate
    assert found.why == {Fate.REPAIRED: "harm", Fate.UNKNOWN: missing}.get(fate, "")


def test_the_earliest_harm_is_told() -> None:
    found = outcome_of(FORECAST, [Signal(at=120 * DAY, why="later"), Signal(at=101 * DAY, why="first")], 200 * DAY)
    assert found.why == "first"


def test_only_a_rollout_that_completed_in_its_time_has_served() -> None:
    assert has_served(FORECAST, [FIRST, GOOD])
    assert not has_served(FORECAST, [FIRST, replace(UNDONE, harmed=False)])
    assert not has_served(FORECAST, [FIRST, replace(GOOD, began=140 * DAY, ended=140.1 * DAY)])


@pytest.mark.parametrize(
    ("course", "since"),
    [
        (GOOD, 100.1),
        (UNDONE, 100.1),
        (replace(UNDONE, harmed=False), 100),
        (replace(GOOD, status=Status.PROGRESSING, ended=None), 100),
    ],
)
def test_the_time_begins_when_users_have_it_for_good(course: Course, since: float) -> None:
    assert course.since == since * DAY
