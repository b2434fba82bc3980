"""A whole release: one bar for all tests, what it takes to advance, what is excused, and what has no control."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

import numpy as np
import pytest

from pilotage import Plan
from pilotage.judge.look import Beside, Unit
from pilotage.judge.release import ReleaseJudge
from pilotage.judge.sums import History
from pilotage.model.observation import (
    Excuse,
    Failure,
    Health,
    Histogram,
    Instance,
    InstanceCounts,
    Observation,
    Reading,
    RouteCounts,
    Verdict,
    VerdictKind,
)
from tests import plans

BESIDE, ALONE = Beside("old"), Beside(None)
BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)


def a_plan(tolerance: str = "medium", warm_up: int = 0) -> Plan:
    return plans.a_plan({"analysis.min_requests": 50, "analysis.warmup_duration": warm_up}, tolerance=tolerance)


def reading(new: tuple[int, int], old: tuple[int, int], slow_new: int = 0, slow_old: int = 0) -> Reading:
    def histogram(total: int, slow: int) -> Histogram:
        return Histogram(BOUNDS, (0, total - slow, 0, 0, slow, 0, 0))

    observations = (
        Observation("new", new[0], new[1], histogram(new[0], slow_new)),
        Observation("old", old[0], old[1], histogram(old[0], slow_old)),
    )
    return Reading(observations, {}, 0.0)


def by_metric(judge: ReleaseJudge) -> dict[str, VerdictKind]:
    return {verdict.metric: verdict.kind for verdict in judge.verdicts()}


def instances(new: int, old: int) -> list[Instance]:
    return [
        Instance("n", "new", "h", 1, Health.HEALTHY, memory=new),
        Instance("o", "old", "h", 2, Health.HEALTHY, memory=old),
    ]


def test_r13_a_clean_canary_with_enough_requests_passes_all_metrics() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((0, 0), (1000, 0)), instances(30, 30), BESIDE)
    judge.observe(reading((200, 0), (1000, 0)), instances(30, 30), BESIDE)
    assert set(by_metric(judge).values()) == {VerdictKind.PASS}


def test_r19_what_nothing_tells_is_not_judged_and_holds_nobody() -> None:
    """A source without durations, and a fleet that tells no memory: the other metrics decide alone."""
    untold = {"response_time_p95", "memory_utilization", "cpu_utilization"}
    judge = ReleaseJudge(a_plan(), "new", "old", untold=untold)
    bare = Reading((Observation("new", 200, 0), Observation("old", 1000, 0)), {}, 0.0)
    judge.observe(bare, (), BESIDE)
    judge.observe(bare, (), BESIDE)
    assert by_metric(judge) == {"error rate": VerdictKind.PASS}


def test_too_few_requests_in_the_phase_never_pass() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((500, 0), (1000, 0)), instances(30, 30), BESIDE)
    judge.begin_phase()
    judge.observe(reading((49, 0), (1000, 0)), instances(30, 30), BESIDE)
    assert by_metric(judge)["error rate"] is VerdictKind.INSUFFICIENT_DATA


def test_c24_between_good_enough_and_bad_enough_is_inconclusive() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((500, 2), (1000, 0)), instances(30, 30), BESIDE)
    assert by_metric(judge)["error rate"] is VerdictKind.INCONCLUSIVE


def test_c2_where_stable_misses_the_criterion_too_not_worse_is_enough() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((1000, 5), (10_000, 50)), instances(30, 30), BESIDE)
    verdict = judge.verdicts()[0]
    assert verdict.kind is VerdictKind.PASS
    assert "stable also misses" in verdict.sentence


def test_r18_a_slower_canary_fails_but_not_critically() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((0, 0), (1000, 0)), instances(30, 30), BESIDE)
    judge.observe(reading((200, 0), (1000, 0), slow_new=100), instances(30, 30), BESIDE)
    slow = next(v for v in judge.verdicts() if v.metric == "slow requests")
    assert (slow.kind, slow.critical) == (VerdictKind.FAIL, False)


def test_r19_memory_fails_after_three_readings_in_a_row_not_one() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(at(1.0, reading((1, 0), (1, 0))), instances(90, 30), BESIDE)
    assert by_metric(judge)["memory"] is VerdictKind.PASS
    for _ in range(5):
        judge.observe(at(1.1, reading((1, 0), (1, 0))), instances(90, 30), BESIDE)
    assert by_metric(judge)["memory"] is VerdictKind.PASS, "looks in quick succession are one reading"
    for second in (2.0, 3.0):
        judge.observe(at(second, reading((1, 0), (1, 0))), instances(90, 30), BESIDE)
    assert by_metric(judge)["memory"] is VerdictKind.FAIL


def test_a_dead_source_is_a_source_error_until_it_answers_again() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((500, 0), (1000, 0)), instances(30, 30), BESIDE)
    judge.source_failed("the port is closed")
    assert by_metric(judge)["error rate"] is VerdictKind.SOURCE_ERROR
    judge.observe(reading((1, 0), (1, 0)), instances(30, 30), BESIDE)
    assert by_metric(judge)["error rate"] is VerdictKind.PASS


def test_a_release_judge_goes_on_after_a_restart() -> None:
    import json

    first, second = (ReleaseJudge(a_plan(), "new", "old") for _ in range(2))
    first.observe(reading((300, 3), (1000, 1), slow_new=5), instances(30, 20), BESIDE)
    second.restore(json.loads(json.dumps(first.to_dict())))
    after = reading((300, 3), (1000, 1), slow_new=20)
    first.observe(after, instances(30, 20), BESIDE)
    second.observe(after, instances(30, 20), BESIDE)
    assert first.verdicts() == second.verdicts()


def at(moment: float, found: Reading) -> Reading:
    return Reading(found.observations, found.cursor, moment, found.note)


def test_a_slower_body_that_the_95th_percentile_does_not_see_is_seen() -> None:
    """Everyone waits twice as long, and the slowest still as long as ever."""
    judge = ReleaseJudge(a_plan(), "new", "old")
    usual = Histogram(BOUNDS, (100, 100, 0, 0, 50, 0, 0))
    longer = Histogram(BOUNDS, (0, 0, 100, 100, 50, 0, 0))
    for _ in range(20):
        observations = (Observation("new", 250, 0, longer), Observation("old", 250, 0, usual))
        judge.observe(Reading(observations, {}, 0.0), instances(30, 30), BESIDE)
    slow = next(v for v in judge.verdicts() if v.metric == "slow requests")
    assert (slow.kind, slow.critical) == (VerdictKind.FAIL, False)
    assert "of the canary's requests take more than 20ms" in slow.sentence


@pytest.mark.parametrize(("beside", "known"), [(None, False), ("fresh", True)])
def test_slowness_of_a_fresh_canary_counts_by_its_age_unless_what_is_beside_it_is_as_fresh(
    beside: str | None, known: bool
) -> None:
    """Cold caches are nobody's fault: in the first seconds a canary twice as slow is not blamed, later it is."""
    usual, longer = Histogram(BOUNDS, (100, 100, 0, 0, 50, 0, 0)), Histogram(BOUNDS, (0, 0, 100, 100, 50, 0, 0))
    judge = ReleaseJudge(a_plan(warm_up=120), "new", "old")

    def slow_after(second: int) -> bool:
        observations = (
            Observation("new", 250, 0, longer), Observation("old", 250, 0, usual), Observation("fresh", 250, 0, usual)
        )  # fmt: skip
        judge.observe(Reading(observations, {}, 1e9 + second), instances(30, 30), Beside(beside or "old"))
        return by_metric(judge)["slow requests"] is VerdictKind.FAIL

    assert slow_after(0) is known
    assert any(slow_after(second) for second in range(1, 120))


def memory_over(seconds: int, growth: float, *, from_second: int = 0) -> ReleaseJudge:
    judge = ReleaseJudge(a_plan(warm_up=120), "new", "old")
    for second in range(seconds):
        size = 30 + growth * max(0, second - from_second)
        judge.observe(
            at(1e9 + second, reading((10, 0), (90, 0))), instances(int(size * 1000), 30_000 + second % 7), BESIDE
        )
    return judge


def test_memory_that_grows_is_known_before_the_limit_and_growth_while_young_is_not_blamed() -> None:
    leak = memory_over(700, 0.03)
    verdict = next(v for v in leak.verdicts() if v.metric == "memory")
    assert verdict.kind is VerdictKind.FAIL
    assert "it grows compared with stable" in verdict.sentence
    assert verdict.ratio is not None
    assert verdict.ratio < 2
    young = memory_over(115, 0.1)
    assert by_metric(young)["memory"] is VerdictKind.PASS
    assert by_metric(memory_over(700, 0.0))["memory"] is VerdictKind.PASS


def test_missing_requests_are_forecast_at_the_present_pace() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(11):
        judge.observe(at(1e9 + second, reading((1, 0), (20, 0))), instances(30, 30), BESIDE)
    verdict = judge.verdicts()[0]
    assert verdict.kind is VerdictKind.INSUFFICIENT_DATA
    assert (
        "11 of the 50 requests to the new version that this step needs, about 36s more at this traffic"
        in verdict.sentence
    )


# ── processor ──────────────────────────────────────────────────────────────────────────────────────────────


def busy(second: int, new: float, old: float) -> list[Instance]:
    """Four instances after `second` seconds, each version's using so many cores."""
    return [
        Instance(f"{version}-{n}", version, "h", n, Health.HEALTHY, memory=30, cpu=second * cores)
        for version, cores in (("new", new), ("old", old))
        for n in range(2)
    ]


def processor(new: float, old: float, asked: tuple[int, int], seconds: int = 900) -> VerdictKind:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(1, seconds):
        judge.observe(at(float(second), reading((asked[0], 0), (asked[1], 0))), busy(second, new, old), BESIDE)
    return by_metric(judge)["cpu"]


def test_r19_a_canary_that_burns_the_processor_fails() -> None:
    assert processor(0.9, 0.3, (100, 100)) is VerdictKind.FAIL


def test_r19_a_canary_that_does_more_because_it_is_asked_more_is_well() -> None:
    assert processor(0.9, 0.3, (300, 100)) is VerdictKind.PASS


def test_r19_a_canary_that_idles_with_hardly_any_requests_is_well() -> None:
    assert processor(0.02, 0.3, (1, 300)) is VerdictKind.PASS


def test_r19_where_stable_is_asked_nothing_no_processor_is_compared() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(1, 900):
        judge.observe(at(float(second), reading((100, 0), (0, 0))), busy(second, 0.9, 0.01), BESIDE)
    assert "cpu" not in by_metric(judge)


def test_the_forecast_says_when_twice_as_many_errors_would_be_known() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(1, 60):
        judge.observe(at(float(second), reading((5, 0), (95, 1))), instances(30, 30), BESIDE)
    assert re.fullmatch(
        r"twice as many errors would be detected after about \d+ (seconds|minutes) at this traffic", judge.forecast()
    )


# ── users, routes, instances ───────────────────────────────────────────────────────────────────────────────


def named(judge: ReleaseJudge, metric: str = "error rate") -> Verdict:
    return next(v for v in judge.verdicts() if v.metric == metric)


def failed(version: str, users: Sequence[int], route: str = "rest", instance: str = "h:1") -> tuple[Failure, ...]:
    return tuple(Failure(version, user, route, "500", instance, "GET", "/cart") for user in users)


def look(at: float, new: tuple[int, int], old: tuple[int, int], failures: Sequence[Failure] | None = ()) -> Reading:
    """So many requests and errors of each version, fast."""
    observations = tuple(
        Observation(version, total, bad, Histogram(BOUNDS, (0, total, 0, 0, 0, 0, 0)))
        for version, (total, bad) in (("new", new), ("old", old))
    )
    return Reading(observations, {}, at, failures=None if failures is None else tuple(failures))


def test_one_users_retries_are_one_event_where_users_stick() -> None:
    """Forty errors of one client in a row are no forty witnesses; counted as requests they undid the release."""
    by_user, by_request = (ReleaseJudge(a_plan(), "new", "old", unit=unit) for unit in (Unit.USER, Unit.REQUEST))
    for second in range(60):
        bad = 4 if 20 <= second < 30 else 0
        reading = look(1e9 + second, (50, bad), (950, 0), failed("new", [7] * bad))
        for judge in (by_user, by_request):
            judge.observe(reading, instances(30, 30), Beside("old", odds=1 / 19))
    assert named(by_user).kind is not VerdictKind.FAIL
    assert named(by_request).kind is VerdictKind.FAIL


def test_many_users_of_the_canary_with_errors_are_harm_and_the_sentence_says_how_many() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old", unit=Unit.USER)
    for second in range(60):
        judge.observe(
            look(1e9 + second, (50, 1), (950, 0), failed("new", [second])), instances(30, 30), Beside("old", 1 / 19)
        )
        if named(judge).kind is VerdictKind.FAIL:
            break
    verdict = named(judge)
    assert verdict.kind is VerdictKind.FAIL
    assert "users with errors on the canary, 0 on stable" in verdict.sentence
    assert verdict.detail == (f"GET /cart: 500 ({second + 1} times)",)


@pytest.mark.parametrize("log", [None, ()], ids=["none is kept", "its disk is full"])
def test_without_the_log_of_failures_sticky_errors_still_count_and_the_verdict_says_they_count_less(
    log: tuple[Failure, ...] | None,
) -> None:
    """A log that says nothing of the failures that counters show is no log."""
    judge = ReleaseJudge(a_plan(), "new", "old", unit=Unit.USER)
    for second in range(120):
        judge.observe(look(1e9 + second, (50, 2), (950, 0), log), instances(30, 30), Beside("old", 1 / 19))
        if named(judge).kind is VerdictKind.FAIL:
            break
    assert named(judge).kind is VerdictKind.FAIL
    assert "no log tells sticky users apart" in named(judge).sentence


def test_harm_of_one_route_is_found_and_named() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old", routes=("/cart", "/search"))
    for second in range(30):
        observations = tuple(
            Observation(version, total, bad, routes=(
                RouteCounts("/cart", total // 2, bad), RouteCounts("/search", total // 2, 0)))
            for version, total, bad in (("new", 50, 2), ("old", 950, 0))
        )  # fmt: skip
        judge.observe(Reading(observations, {}, 1e9 + second), instances(30, 30), BESIDE)
    assert named(judge).kind is VerdictKind.FAIL
    assert "most on /cart" in named(judge).sentence


def of_instances(at: float, bad: tuple[int, int]) -> Reading:
    """Two instances of the canary with 50 requests each, so many of them failed; stable's fail one in a thousand."""
    parts = tuple(InstanceCounts(f"h:{n + 1}", 50, b) for n, b in enumerate(bad))
    observations = (
        Observation("new", 100, sum(bad), instances=parts),
        Observation("old", 900, 1 if at % 10 == 0 else 0),
    )
    failures = tuple(f for n, b in enumerate(bad) for f in failed("new", range(b), instance=f"h:{n + 1}"))
    return Reading(observations, {}, at, failures=failures)


@pytest.mark.parametrize(("bad", "excuse"), [((2, 0), Excuse.INSTANCE), ((1, 1), None)])
def test_errors_of_one_instance_alone_are_excused_once_and_those_of_all_are_not(
    bad: tuple[int, int], excuse: Excuse | None
) -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(60):
        judge.observe(of_instances(1e9 + second, bad), instances(30, 30), BESIDE)
        if named(judge).kind is VerdictKind.FAIL:
            break
    assert named(judge).kind is VerdictKind.FAIL
    assert named(judge).excuse is excuse
    assert named(judge).instance == ("h:1" if excuse else "")


def test_an_instance_whose_failures_come_a_reading_after_their_requests_excuses_no_other() -> None:
    """An instance's requests count when they are sent, its failures when they end: they are not forgotten."""
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(60):
        sent, ended = ((100, 0), (0, 2))[second % 2]
        parts = (InstanceCounts("h:1", 50, 1), InstanceCounts("h:2", sent, ended))
        failures = (*failed("new", range(1), instance="h:1"), *failed("new", range(1, 1 + ended), instance="h:2"))
        observations = (Observation("new", 100, 1 + ended, instances=parts), Observation("old", 900, 0))
        judge.observe(Reading(observations, {}, 1e9 + second, failures=failures), instances(30, 30), BESIDE)
        if named(judge).kind is VerdictKind.FAIL:
            break
        again = ReleaseJudge(a_plan(), "new", "old")
        again.restore(json.loads(json.dumps(judge.to_dict())))
        judge = again
    assert named(judge).kind is VerdictKind.FAIL
    assert named(judge).excuse is None


@pytest.mark.parametrize(("bad", "excuse"), [((20, 0), Excuse.INSTANCE), ((20, 20), None), ((20, 4), None)])
def test_above_the_critical_limit_one_instance_is_excused_only_while_the_others_are_well(
    bad: tuple[int, int], excuse: Excuse | None
) -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(60):
        judge.observe(of_instances(1e9 + second, bad), instances(30, 30), BESIDE)
        if named(judge).kind is VerdictKind.FAIL:
            break
    assert named(judge).kind is VerdictKind.FAIL
    assert (named(judge).excuse, named(judge).critical and excuse is not None) == (excuse, False)


def test_above_the_critical_limit_the_only_instance_is_not_excused() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    parts = (InstanceCounts("h:1", 50, 20),)
    for second in range(20):
        observations = (Observation("new", 50, 20, instances=parts), Observation("old", 900, 0))
        judge.observe(Reading(observations, {}, 1e9 + second), instances(30, 30), BESIDE)
    assert named(judge).kind is VerdictKind.FAIL
    assert named(judge).excuse is None


def test_errors_of_instances_that_warm_up_are_excused() -> None:
    judge = ReleaseJudge(a_plan(warm_up=120), "new", "old")
    for second in range(60):
        judge.observe(look(1e9 + second, (100, 1), (900, 0)), instances(30, 30), BESIDE)
    assert named(judge).excuse is Excuse.WARM_UP
    judge.begin_again()
    assert named(judge).kind is not VerdictKind.FAIL


@pytest.mark.parametrize(("bad", "excuse"), [(5, Excuse.WARM_UP), (25, None)])
def test_a_few_of_the_first_requests_that_fail_do_not_exceed_the_critical_limit_for_sure(
    bad: int, excuse: Excuse | None
) -> None:
    """C1: 5 of 25 are above 5 %, and may be cold caches; 25 of 25 are no bad luck."""
    judge = ReleaseJudge(a_plan(warm_up=120), "new", "old", History(100, 1_000_000))
    judge.observe(look(1e9, (25, bad), (475, 0)), instances(30, 30), Beside("old", 25 / 475))
    assert named(judge).kind is VerdictKind.FAIL
    assert named(judge).excuse is excuse


def test_requests_that_a_router_assigns_by_known_odds_need_no_request_of_the_canary_to_count() -> None:
    """5 req/s: an error of stable in a look without a request of the canary speaks for the canary."""
    known, unknown = (ReleaseJudge(a_plan(), "new", "old") for _ in range(2))
    for second in range(60):
        for judge, odds in ((known, 1 / 19), (unknown, None)):
            judge.observe(look(1e9 + second, (0, 0), (5, 1)), instances(30, 30), Beside("old", odds))
    assert known._users.evidences()["errors"] < -0.1
    assert unknown._users.evidences()["errors"] == pytest.approx(0.0)


def test_a_source_that_lags_behind_a_smaller_weight_blames_nobody() -> None:
    """The weight fell from a half to a twentieth, and the source still counts requests of before."""
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(15):
        judge.observe(look(1e9 + second, (500, 5), (500, 5)), instances(30, 30), Beside("old", odds=1 / 19))
        assert named(judge).kind is not VerdictKind.FAIL


def test_a_second_try_begins_without_the_evidence_of_the_first() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(60):
        judge.observe(look(1e9 + second, (100, 4), (900, 0)), instances(30, 30), BESIDE)
    assert named(judge).kind is VerdictKind.FAIL
    judge.begin_again()
    judge.begin_phase()
    for second in range(60, 120):
        judge.observe(look(1e9 + second, (100, 0), (900, 0)), instances(30, 30), BESIDE)
    assert named(judge).kind is VerdictKind.PASS


# ── no control ─────────────────────────────────────────────────────────────────────────────────────────────


def slowed(at: float, slow: int) -> Reading:
    """A thousand requests to the new version alone, so many of them slow."""
    observations = (Observation("new", 1000, 0, Histogram(BOUNDS, (0, 1000 - slow, 0, slow, 0, 0, 0))),)
    return Reading(observations, {}, at)


def test_what_is_slower_than_the_past_holds_and_says_that_there_is_no_control() -> None:
    """A noisy machine at 100 % is not the release's fault: that was rolled back as "sure at 99.98 %"."""
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(200):
        judge.observe(look(1e9 + second, (50, 0), (950, 0)), instances(30, 30), BESIDE)
    judge.begin_phase()
    for second in range(200, 300):
        judge.observe(slowed(1e9 + second, 300), instances(30, 30), ALONE)
        assert named(judge, "slow requests").kind is not VerdictKind.FAIL
    verdict = named(judge, "slow requests")
    assert (verdict.kind, verdict.past) == (VerdictKind.INCONCLUSIVE, True)
    assert "There is no stable version to compare with" in verdict.sentence


def test_a_little_slower_than_the_past_is_good_enough() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(200):
        judge.observe(look(1e9 + second, (50, 0), (950, 0)), instances(30, 30), BESIDE)
    judge.begin_phase()
    for second in range(200, 300):
        judge.observe(slowed(1e9 + second, 80), instances(30, 30), ALONE)
    assert named(judge, "slow requests").kind is VerdictKind.PASS


def test_errors_above_the_limit_decide_without_a_control_and_more_than_before_only_hold() -> None:
    few, many = (ReleaseJudge(a_plan(), "new", "old") for _ in range(2))
    for judge, bad in ((few, 5), (many, 200)):
        for second in range(100):
            judge.observe(look(1e9 + second, (50, 0), (950, 0)), instances(30, 30), BESIDE)
        judge.begin_phase()
        for second in range(100, 160):
            judge.observe(look(1e9 + second, (1000, bad), (0, 0)), instances(30, 30), ALONE)
    assert (named(few).kind, named(few).past) == (VerdictKind.INCONCLUSIVE, True)
    assert (named(many).kind, named(many).critical, named(many).past) == (VerdictKind.FAIL, True, False)


def test_a_difference_that_does_not_matter_is_no_harm() -> None:
    """3 ms instead of 1 ms is three times as long and nobody notices."""
    bounds = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02)
    judge = ReleaseJudge(a_plan("zero-downtime"), "new", "old")
    for second in range(100):
        observations = (
            Observation("new", 500, 0, Histogram(bounds, (0, 0, 500, 0, 0, 0, 0))),
            Observation("old", 500, 0, Histogram(bounds, (500, 0, 0, 0, 0, 0, 0))),
        )
        judge.observe(Reading(observations, {}, 1e9 + second), instances(30, 30), BESIDE)
    assert named(judge, "slow requests").kind is VerdictKind.PASS


# ── synthetic requests ─────────────────────────────────────────────────────────────────────────────────────


def mixed(at: float, users: tuple[int, int], ours: tuple[int, int]) -> Reading:
    """Requests and errors of users on the new version, and of synthetic requests; stable has twenty times as many."""

    def synthetic(total: int, bad: int) -> RouteCounts:
        return RouteCounts("synthetic", total, bad, Histogram(BOUNDS, (0, total, 0, 0, 0, 0, 0)))

    def durations(total: int) -> Histogram:
        return Histogram(BOUNDS, (0, total, 0, 0, 0, 0, 0))

    observations = (
        Observation("new", users[0], users[1], durations(users[0]), synthetic=synthetic(*ours)),
        Observation("old", 20 * users[0], 0, durations(20 * users[0]), synthetic=synthetic(20 * ours[0], 0)),
    )
    return Reading(observations, {}, at)


def test_synthetic_requests_excuse_no_users_errors() -> None:
    """A quarter of the users' requests failed and were judged 8 %, because synthetic ones were counted with them."""
    judge = ReleaseJudge(a_plan("high"), "new", "old", synthetic=True)
    for second in range(120):
        judge.observe(mixed(1e9 + second, (4, 1), (20, 0)), instances(30, 30), BESIDE)
        if named(judge).kind is VerdictKind.FAIL:
            break
    assert named(judge).kind is VerdictKind.FAIL
    assert "canary 25 %" in named(judge).sentence


def test_synthetic_requests_that_fail_are_harm_and_say_whose_they_are() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old", synthetic=True)
    for second in range(120):
        judge.observe(mixed(1e9 + second, (4, 0), (20, 3)), instances(30, 30), BESIDE)
    assert named(judge).kind is VerdictKind.FAIL
    assert named(judge).sentence.startswith("synthetic requests: ")


def test_a_service_without_users_advances_on_synthetic_requests() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old", synthetic=True)
    for second in range(60):
        judge.observe(mixed(1e9 + second, (0, 0), (20, 0)), instances(30, 30), BESIDE)
    assert {v.metric: v.kind for v in judge.verdicts()}["error rate"] is VerdictKind.PASS
    assert {v.metric: v.kind for v in judge.verdicts()}["slow requests"] is VerdictKind.PASS
    for metric in ("error rate", "slow requests"):
        whose = "no requests at this step by users; synthetic requests: "
        assert named(judge, metric).sentence.startswith(whose)
        assert ", not " not in named(judge, metric).sentence, "a pass gives no reason to fail"
    assert "0 of 1,200" in named(judge).sentence


# ── the bar ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("unit", list(Unit))
def test_a_harmless_release_is_seldom_called_harmful_whatever_is_assigned(unit: Unit) -> None:
    """500 requests a second, 5 % to the canary, one in a thousand fails; eight times ten minutes."""
    chance, called = np.random.default_rng(5), 0
    for _ in range(8):
        judge = ReleaseJudge(a_plan(), "new", "old", unit=unit)
        for second in range(600):
            n_c, n_s = chance.poisson(25), chance.poisson(475)
            bad_c, bad_s = chance.binomial(n_c, 0.001), chance.binomial(n_s, 0.001)
            users = chance.integers(0, 2**60, bad_c + bad_s).tolist()
            failures = failed("new", users[:bad_c]) + failed("old", users[bad_c:])
            judge.observe(look(second, (n_c, bad_c), (n_s, bad_s), failures), (), Beside("old", 1 / 19))
        called += any(v.kind is VerdictKind.FAIL for v in judge.verdicts())
    assert called == 0


def test_the_evidence_survives_a_restart_in_every_unit() -> None:
    for unit in Unit:
        first, second = (ReleaseJudge(a_plan(), "new", "old", unit=unit, synthetic=True) for _ in range(2))
        for moment in range(40):
            first.observe(
                look(moment, (50, 1), (950, 1), failed("new", [moment]) + failed("old", [1000 + moment])),
                instances(30, 30),
                Beside("old", 1 / 19),
            )
        second.restore(json.loads(json.dumps(first.to_dict())))
        after = look(41, (50, 2), (950, 0), failed("new", [1, 2000]))
        for judge in (first, second):
            judge.observe(after, instances(30, 30), Beside("old", 1 / 19))
        assert first.verdicts() == second.verdicts()
        assert math.isfinite(named(first).evidence)


# ── a shared outage blames nobody ──────────────────────────────────────────────────────────────────────────


def outage(unit: Unit, rate: float, begins: int, ends: int, seconds: int, seed: int) -> list[Verdict]:
    """Both versions fail alike for a while: 200 requests a second, a quarter of them to the new version."""
    chance, judge, found = np.random.default_rng(seed), ReleaseJudge(a_plan(), "new", "old", unit=unit), []
    for second in range(seconds):
        p = rate if begins <= second < ends else 0.0005
        bad_c, bad_s = int(chance.binomial(50, p)), int(chance.binomial(150, p))
        users = chance.integers(0, 2**60, bad_c + bad_s).tolist()
        failures = failed("new", users[:bad_c]) + failed("old", users[bad_c:])
        judge.observe(look(1e9 + second, (50, bad_c), (150, bad_s), failures), (), Beside("old", 1 / 3))
        found += [v for v in judge.verdicts() if v.kind is VerdictKind.FAIL]
    return found


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize(
    ("rate", "begins", "ends", "seconds"),
    [(0.5, 300, 315, 340), (0.1, 120, 180, 200), (0.5, 2, 32, 400), (0.08, 0, 300, 300)],
    ids=["after clean minutes", "a small one", "minutes after it is over", "both above the limit all the time"],
)
def test_c1_what_stable_shares_breaks_no_limit(unit: Unit, rate: float, begins: int, ends: int, seconds: int) -> None:
    for seed in range(4):
        assert not outage(unit, rate, begins, ends, seconds, seed)


def test_an_outage_of_the_new_version_alone_breaks_the_limit_within_seconds() -> None:
    for unit in Unit:
        judge = ReleaseJudge(a_plan(), "new", "old", unit=unit)
        for second in range(300):
            judge.observe(look(1e9 + second, (50, 0), (150, 0)), (), Beside("old", 1 / 3))
        for second in range(300, 303):
            users = list(range(second * 100, second * 100 + 40))
            judge.observe(look(1e9 + second, (50, 40), (150, 0), failed("new", users)), (), Beside("old", 1 / 3))
        assert (named(judge).kind, named(judge).critical) == (VerdictKind.FAIL, True), unit


def test_the_limit_decides_also_where_the_comparison_has_more_evidence() -> None:
    """A person who accepts the comparison has not accepted an outage."""
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(60):
        judge.observe(look(1e9 + second, (50, 20), (950, 0)), (), Beside("old", 1 / 19))
    assert named(judge).critical


def test_r13_errors_of_a_few_users_do_not_fade_with_the_length_of_a_phase() -> None:
    """Three users with 3 % errors for minutes: 87 of 2,989 requests were called 0.1 %, and everyone got the version."""
    judge = ReleaseJudge(a_plan(), "new", "old", unit=Unit.USER)
    for second in range(600):
        bad = [1, 2, 3][: 1 if second % 5 else 2] if second % 3 == 0 else []
        judge.observe(look(1e9 + second, (10, len(bad)), (10, 0), failed("new", bad)), (), Beside("old", 1.0))
    assert named(judge).kind is not VerdictKind.PASS


def test_r13_one_error_and_its_retries_do_not_hold_a_release() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old", unit=Unit.USER)
    for second in range(60):
        bad = [7] * 4 if second == 30 else []
        judge.observe(look(1e9 + second, (50, len(bad)), (950, 0), failed("new", bad)), (), Beside("old", 1 / 19))
    assert named(judge).kind is VerdictKind.PASS


def test_above_the_limit_without_a_control_is_no_matter_of_the_past() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old", unit=Unit.USER)
    for second in range(10):
        judge.observe(look(1e9 + second, (10, 2), (0, 0), failed("new", [second, second + 100])), (), ALONE)
    assert named(judge).kind in (VerdictKind.FAIL, VerdictKind.INCONCLUSIVE)
    assert not named(judge).past


def test_what_decided_is_said_after_the_new_version_lost_its_traffic() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(60):
        judge.observe(look(1e9 + second, (50, 1 if second == 9 else 0), (950, 0)), (), BESIDE)
    for second in range(60, 70):
        judge.observe(look(1e9 + second, (0, 0), (1000, 0)), (), ALONE)
    assert "There is no stable version to compare with" not in named(judge).sentence
