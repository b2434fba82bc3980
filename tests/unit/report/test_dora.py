"""The five figures, each against an answer worked out by hand (R24, C23)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pilotage.report.dora import Deployment, End, dora_of
from pilotage.report.statistics import median_interval, poisson, wilson

DAY, HOUR = 86400.0, 3600.0


def rollout(number: int, day: float, version: str, old: str, end: End = End.COMPLETED, **more: object) -> Deployment:
    began = day * DAY
    made = Deployment(f"r{number}", version, old, began, began + HOUR, end)
    return replace(made, **more)  # type: ignore[arg-type]


STORY = [
    # r1: brings two changes, of 2 and 4 days before its end.
    rollout(1, 10, "1.1", "1.0", commits=(("a", 8 * DAY + HOUR), ("b", 6 * DAY + HOUR))),
    # r2: undone by itself; trouble after 10 minutes, users well 90 seconds later.
    rollout(
        2, 12, "1.2", "1.1", End.ROLLED_BACK, trouble=12 * DAY + 600, well=12 * DAY + 690, commits=(("c", 11 * DAY),)
    ),
    # r3: completes, but somebody goes back from it (r4) half a day later; well when the return is complete.
    rollout(3, 14, "1.3", "1.1", commits=(("c", 11 * DAY + HOUR), ("d", 13 * DAY + HOUR))),
    rollout(4, 14.5, "1.1", "1.3", returns=True),
    # r5: fails, a person is needed; well when r6, a hotfix, is complete.
    rollout(5, 16, "1.4", "1.1", End.FAILED, trouble=16 * DAY + 300),
    rollout(6, 16.25, "1.4.1", "1.1", hotfix=True, commits=None),
    # r7: nobody had it; r8: under way.
    rollout(7, 18, "1.5", "1.4.1", End.ROLLED_BACK, exposed=False),
    rollout(8, 19, "1.6", "1.4.1", End.OPEN, ended=None),
    # r9: completes, and stays.
    rollout(9, 20, "1.7", "1.4.1", commits=(("e", 20 * DAY),)),
]


def figures(since: float = 0, until: float = 28 * DAY) -> dict[str, tuple[float | None, int, tuple[str, ...]]]:
    found = dora_of(STORY, since, until)
    return {f.id: (f.value, f.n, f.counted) for f in found.figures}


def test_each_figure_is_what_the_hand_says() -> None:
    found = figures()
    # Deployments: r1 r2 r3 r5 r6 r9, six in four weeks.
    assert found["deployment-frequency"] == (1.5, 6, ("r1", "r2", "r3", "r5", "r6", "r9"))
    # Changes that stayed: a 2 d, b 4 d, c 3 d (first completed in r3), d 1 d, e 1 h; the median is 2 d.
    assert found["change-lead-time"] == (2 * DAY, 5, ("r1", "r3", "r9"))
    # Failed: r2 (undone), r3 (gone back from), r5 (a person); r5's hotfix is not itself a failure.
    assert found["change-fail-rate"] == (0.5, 6, ("r2", "r3", "r5"))
    # r2 90 s; r3 from the request to go back until that is complete, 1 h; r5 from 5 minutes in until r6's end.
    times = sorted([90.0, HOUR, 16.25 * DAY + HOUR - (16 * DAY + 300)])
    assert found["failed-deployment-recovery-time"] == (times[1], 3, ("r2", "r3", "r5"))
    assert found["deployment-rework-rate"] == (1 / 6, 6, ("r6",))


def test_what_is_left_out_is_shown_with_the_reason() -> None:
    found = dora_of(STORY, 0, 28 * DAY)
    reasons = dict(found.figure("deployment-frequency").excluded)
    assert reasons == {
        "r4": "a return to an earlier version", "r7": "no users reached it", "r8": "in progress"
    }  # fmt: skip
    lead = dict(found.figure("change-lead-time").excluded)
    assert lead["r2"] == lead["r5"] == "it was rolled back"
    assert lead["r6"] == "its commits are unknown"


def test_a_rollback_of_a_rollback_is_one_failure_and_not_three() -> None:
    """1.3 is gone back from (r2), and that return is undone again (r3): 1.3 failed once; returns are no deployments."""
    story = [
        rollout(1, 1, "1.3", "1.2"),
        rollout(2, 2, "1.2", "1.3", returns=True),
        rollout(3, 3, "1.3", "1.2", returns=True),
    ]
    found = dora_of(story, 0, 7 * DAY)
    assert found.figure("change-fail-rate").counted == ("r1",)
    assert found.figure("change-fail-rate").n == 1
    assert found.figure("failed-deployment-recovery-time").value == HOUR


def test_a_hotfix_that_itself_needs_one_is_a_failure_too() -> None:
    story = [
        rollout(1, 1, "1.3", "1.2"),
        rollout(2, 2, "1.3.1", "1.3", hotfix=True),
        rollout(3, 3, "1.3.2", "1.3.1", hotfix=True),
    ]
    found = dora_of(story, 0, 7 * DAY)
    assert found.figure("change-fail-rate").counted == ("r1", "r2")
    assert found.figure("deployment-rework-rate").counted == ("r2", "r3")


def test_an_empty_period_has_no_rates_and_says_n_is_nothing() -> None:
    found = dora_of(STORY, 100 * DAY, 107 * DAY)
    assert [f.value for f in found.figures] == [0.0, None, None, None, None]
    assert [f.n for f in found.figures] == [0, 0, 0, 0, 0]
    assert found.figure("deployment-frequency").high is not None


def test_a_failure_that_nobody_has_recovered_from_is_counted_and_its_time_is_not() -> None:
    story = [rollout(1, 1, "1.3", "1.2", End.FAILED, trouble=DAY)]
    found = dora_of(story, 0, 7 * DAY)
    assert found.figure("change-fail-rate").value == 1.0
    assert dict(found.figure("failed-deployment-recovery-time").excluded)["r1"] == "not recovered yet"


def test_a_period_ends_where_its_zone_says() -> None:
    """A rollout half an hour before midnight in UTC is the next day's in Berlin."""
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    began = datetime(2026, 11, 23, 23, 30, tzinfo=ZoneInfo("UTC")).timestamp()
    one = Deployment("r1", "2", "1", began, began + 60, End.COMPLETED)

    def counted(zone: str) -> int:
        begin, end = (datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)).timestamp()
                      for d in (date(2026, 11, 24), date(2026, 11, 25)))  # fmt: skip
        return dora_of([one], begin, end).figure("deployment-frequency").n

    assert (counted("UTC"), counted("Europe/Berlin")) == (0, 1)


# ── intervals ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (3, 7), (7, 7), (40, 900)])
def test_wilson_is_scipys(hits: int, trials: int, scipy_stats: Any) -> None:
    theirs = scipy_stats.binomtest(hits, trials).proportion_ci(method="wilson")
    assert wilson(hits, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("events", [1, 4, 20, 200])
def test_byars_interval_is_near_the_exact_one(events: int, scipy_stats: Any) -> None:
    exact = scipy_stats.chi2.ppf(0.025, 2 * events) / 2, scipy_stats.chi2.ppf(0.975, 2 * events + 2) / 2
    assert poisson(events) == pytest.approx(exact, rel=0.03, abs=0.02)
    assert poisson(0)[0] == 0.0


@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=60))
def test_a_medians_interval_holds_what_it_says(scipy_stats: Any, values: list[float]) -> None:
    middle, interval = median_interval(values)
    assert interval is not None
    assert interval[0] <= middle <= interval[1]
    low = sorted(values).index(interval[0]) + 1
    assert 2 * scipy_stats.binom.cdf(low - 1, len(values), 0.5) <= 0.05 + 1e-9 or math.isclose(interval[0], interval[1])


@pytest.mark.parametrize("n", [499, 500, 501, 2_000, 100_000])
def test_many_values_have_an_interval_that_is_scipys(n: int, scipy_stats: Any) -> None:
    middle, interval = median_interval([float(i) for i in range(1, n + 1)])
    assert interval is not None
    exact = scipy_stats.binom.ppf(0.025, n, 0.5)
    assert interval[0] == pytest.approx(exact, abs=2)
    assert middle == (n + 1) / 2


def test_few_values_have_no_interval() -> None:
    assert median_interval([1.0, 2.0, 3.0]) == (2.0, None)
