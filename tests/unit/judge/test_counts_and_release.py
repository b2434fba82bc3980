"""The judge: right on values one can compute by hand, never crying wolf more often than α, whenever one looks."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage import Answers, Plan, Service, make_plan
from pilotage.judge.counts import CountJudge
from pilotage.judge.release import ReleaseJudge
from pilotage.model.observation import Health, Histogram, Instance, Observation, Reading, VerdictKind
from pilotage.plan.numbers import Override


def counts(bad_c: int, n_c: int, bad_s: int, n_s: int) -> dict[str, int]:
    return {"canary_bad": bad_c, "canary_total": n_c, "stable_bad": bad_s, "stable_total": n_s}


def test_nothing_seen_is_insufficient_data_not_a_pass() -> None:
    assert CountJudge().verdict().kind is VerdictKind.INSUFFICIENT_DATA


def test_a_plainly_worse_canary_fails_and_the_sentence_has_the_numbers() -> None:
    verdict = CountJudge().update(**counts(12, 250, 5, 4750))
    assert verdict.kind is VerdictKind.FAIL
    assert "canary 4.8 % (12 of 250), stable 0.105 % (5 of 4,750)" in verdict.sentence
    assert "sure at 99.9 %" in verdict.sentence
    assert verdict.ratio == pytest.approx((12 / 250) / (5 / 4750))
    assert verdict.interval is not None
    assert verdict.ratio is not None
    assert 1.25 < verdict.interval[0] < verdict.ratio < verdict.interval[1]


def test_an_equal_canary_with_many_events_is_safe() -> None:
    judge = CountJudge()
    verdicts = [judge.update(**counts(100, 10_000, 100, 10_000)) for _ in range(30)]
    assert verdicts[-1].kind is VerdictKind.PASS
    assert all(v.kind is not VerdictKind.FAIL for v in verdicts)


def test_an_absolute_limit_is_critical_even_without_stable() -> None:
    verdict = CountJudge(limit=0.01).update(**counts(30, 300, 0, 0))
    assert (verdict.kind, verdict.critical) == (VerdictKind.FAIL, True)
    assert "above the limit of 1%" in verdict.sentence


def test_both_degraded_blames_nobody() -> None:
    verdict = CountJudge(limit=0.01).update(**counts(30, 300, 300, 3000))
    assert verdict.kind is VerdictKind.INCONCLUSIVE
    assert "not to blame" in verdict.sentence


@pytest.mark.parametrize(("bad", "total"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(bad: int, total: int) -> None:
    with pytest.raises(ValueError, match="bad events"):
        CountJudge().update(**counts(bad, total, 0, 10))


def test_exact_false_alarm_probability_by_enumeration() -> None:
    """Every path of 14 events, each the canary's with the null's probability, looked at after each event: the
    probability that the e-value ever reaches 1/α is at most α (Ville). Exact, no sampling."""
    ratio, r, alpha = 1.25, 0.5, 0.2
    p = ratio * r / (1 + ratio * r)
    alarmed = 0.0
    for path in itertools.product((0, 1), repeat=14):
        judge = CountJudge(tolerated_ratio=ratio, alpha=alpha)
        for canary in path:
            judge.update(**counts(canary, 1000, 1 - canary, 2000))
            if judge.harm_evidence() >= math.log(1 / alpha):
                alarmed += math.prod(p if event else 1 - p for event in path)
                break
    assert 0 < alarmed <= alpha


def test_simulated_false_alarms_with_a_moving_split_stay_below_alpha() -> None:
    chance, alarms, runs = np.random.default_rng(7), 0, 1000
    for _ in range(runs):
        judge, split = CountJudge(tolerated_ratio=1.0, alpha=0.05), 0.05
        for _ in range(60):
            split = float(chance.uniform(0.05, 0.5))
            n_c, n_s = int(1000 * split), int(1000 * (1 - split))
            judge.update(**counts(int(chance.binomial(n_c, 0.02)), n_c, int(chance.binomial(n_s, 0.02)), n_s))
            if judge.verdict().kind is VerdictKind.FAIL:
                alarms += 1
                break
    # 2.5 % is the comparison's half of α; three standard errors above it would still be below 5 %.
    assert alarms / runs <= 0.04


def test_simulated_breaches_of_a_limit_that_holds_stay_below_alpha() -> None:
    chance, alarms = np.random.default_rng(8), 0
    for _ in range(600):
        judge = CountJudge(alpha=0.05, limit=0.02)
        for _ in range(100):
            judge.update(**counts(int(chance.binomial(100, 0.02)), 100, 0, 0))
            if judge.verdict().critical:
                alarms += 1
                break
    assert alarms / 600 <= 0.05


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_splitting_an_update_gives_the_same_evidence(ticks: list[tuple[int, int]]) -> None:
    whole, halves = CountJudge(), CountJudge()
    for bad_c, bad_s in ticks:
        whole.update(**counts(bad_c, 100, bad_s, 200))
        halves.update(**counts(bad_c, 50, 0, 100))
        halves.update(**counts(0, 50, bad_s, 100))
    assert whole.harm_evidence() == pytest.approx(halves.harm_evidence(), abs=1e-9)


@given(st.integers(0, 50), st.integers(0, 50))
def test_more_bad_events_of_the_canary_are_never_less_evidence(bad_c: int, bad_s: int) -> None:
    fewer, more = CountJudge(), CountJudge()
    fewer.update(**counts(bad_c, 1000, bad_s, 1000))
    more.update(**counts(bad_c + 1, 1000, bad_s, 1000))
    assert more.harm_evidence() >= fewer.harm_evidence() - 1e-9


def test_endless_bad_events_never_leave_the_range_of_a_number() -> None:
    judge = CountJudge(limit=0.05)
    with np.errstate(all="raise", under="ignore"):
        for _ in range(50):
            verdict = judge.update(canary_bad=20_000, canary_total=20_000, stable_bad=0, stable_total=20_000)
            assert verdict.kind is VerdictKind.FAIL
        judge.update(canary_bad=0, canary_total=10**9, stable_bad=0, stable_total=20_000)
    assert verdict.evidence > 0
    assert not any(math.isnan(bound) for bound in verdict.interval or ())


def test_a_judge_goes_on_after_a_restart() -> None:
    first, second = CountJudge(limit=0.05), CountJudge(limit=0.05)
    first.update(**counts(2, 100, 1, 1000))
    second.restore(first.to_dict())
    after = counts(3, 100, 1, 1000)
    assert first.update(**after) == second.update(**after)


# ── a whole release ────────────────────────────────────────────────────────────────────────────────────────

BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)


def a_plan(tolerance: str = "medium", warm_up: int = 0) -> Plan:
    answers = Answers("minor", "canary", "small", "weekly", tolerance, "internal-only")
    overrides = {"judge.min_requests": Override(50, "test"), "judge.warm_up": Override(warm_up, "test")}
    return make_plan(answers, version="new", service=Service(overrides=overrides))


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
    judge.observe(reading((0, 0), (1000, 0)), instances(30, 30))
    judge.observe(reading((200, 0), (1000, 0)), instances(30, 30))
    assert set(by_metric(judge).values()) == {VerdictKind.PASS}


def test_too_few_requests_in_the_phase_never_pass() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((500, 0), (1000, 0)), instances(30, 30))
    judge.begin_phase()
    judge.observe(reading((49, 0), (1000, 0)), instances(30, 30))
    assert by_metric(judge)["error rate"] is VerdictKind.INSUFFICIENT_DATA


def test_c24_between_good_enough_and_bad_enough_is_inconclusive() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((500, 2), (1000, 0)), instances(30, 30))
    assert by_metric(judge)["error rate"] is VerdictKind.INCONCLUSIVE


def test_c2_where_stable_misses_the_criterion_too_not_worse_is_enough() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((1000, 5), (10_000, 50)), instances(30, 30))
    verdict = judge.verdicts()[0]
    assert verdict.kind is VerdictKind.PASS
    assert "stable itself misses" in verdict.sentence


def test_r18_a_slower_canary_fails_but_not_critically() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((0, 0), (1000, 0)), instances(30, 30))
    judge.observe(reading((200, 0), (1000, 0), slow_new=100), instances(30, 30))
    slow = next(v for v in judge.verdicts() if v.metric == "slow requests")
    assert (slow.kind, slow.critical) == (VerdictKind.FAIL, False)


def test_r19_memory_fails_after_three_readings_in_a_row_not_one() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((1, 0), (1, 0)), instances(90, 30))
    assert by_metric(judge)["memory"] is VerdictKind.PASS
    for _ in range(2):
        judge.observe(reading((1, 0), (1, 0)), instances(90, 30))
    assert by_metric(judge)["memory"] is VerdictKind.FAIL


def test_a_dead_source_is_a_source_error_until_it_answers_again() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    judge.observe(reading((500, 0), (1000, 0)), instances(30, 30))
    judge.source_failed("the port is closed")
    assert by_metric(judge)["error rate"] is VerdictKind.SOURCE_ERROR
    judge.observe(reading((1, 0), (1, 0)), instances(30, 30))
    assert by_metric(judge)["error rate"] is VerdictKind.PASS


def test_a_release_judge_goes_on_after_a_restart() -> None:
    import json

    first, second = (ReleaseJudge(a_plan(), "new", "old") for _ in range(2))
    first.observe(reading((300, 3), (1000, 1), slow_new=5), instances(30, 20))
    second.restore(json.loads(json.dumps(first.to_dict())))
    after = reading((300, 3), (1000, 1), slow_new=20)
    first.observe(after, instances(30, 20))
    second.observe(after, instances(30, 20))
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
        judge.observe(Reading(observations, {}, 0.0), instances(30, 30))
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
        judge.observe(Reading(observations, {}, 1e9 + second), instances(30, 30), beside=beside)
        return by_metric(judge)["slow requests"] is VerdictKind.FAIL

    assert slow_after(0) is known
    assert any(slow_after(second) for second in range(1, 120))


def memory_over(seconds: int, growth: float, *, from_second: int = 0) -> ReleaseJudge:
    judge = ReleaseJudge(a_plan(warm_up=120), "new", "old")
    for second in range(seconds):
        size = 30 + growth * max(0, second - from_second)
        judge.observe(at(1e9 + second, reading((10, 0), (90, 0))), instances(int(size * 1000), 30_000 + second % 7))
    return judge


def test_memory_that_grows_is_known_before_the_limit_and_growth_while_young_is_not_blamed() -> None:
    leak = memory_over(700, 0.03)
    verdict = next(v for v in leak.verdicts() if v.metric == "memory")
    assert verdict.kind is VerdictKind.FAIL
    assert "it grows against stable's" in verdict.sentence
    assert verdict.ratio is not None
    assert verdict.ratio < 2
    young = memory_over(115, 0.1)
    assert by_metric(young)["memory"] is VerdictKind.PASS
    assert by_metric(memory_over(700, 0.0))["memory"] is VerdictKind.PASS


def test_missing_requests_are_forecast_at_the_present_pace() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(11):
        judge.observe(at(1e9 + second, reading((1, 0), (20, 0))), instances(30, 30))
    verdict = judge.verdicts()[0]
    assert verdict.kind is VerdictKind.INSUFFICIENT_DATA
    assert (
        "11 of the 50 requests to the canary that this phase needs, about 36s more at this traffic" in verdict.sentence
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
        judge.observe(at(float(second), reading((asked[0], 0), (asked[1], 0))), busy(second, new, old))
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
        judge.observe(at(float(second), reading((100, 0), (0, 0))), busy(second, 0.9, 0.01))
    assert "cpu" not in by_metric(judge)


def test_the_forecast_says_when_twice_as_many_errors_would_be_known() -> None:
    judge = ReleaseJudge(a_plan(), "new", "old")
    for second in range(1, 60):
        judge.observe(at(float(second), reading((5, 0), (95, 1))), instances(30, 30))
    assert re.fullmatch(
        r"twice as many errors would be known after about \d+ (seconds|minutes) at this traffic", judge.forecast()
    )
