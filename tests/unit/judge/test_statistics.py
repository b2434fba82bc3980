"""The judge's statistics: exact where cases can be enumerated, calibrated by simulation where they cannot."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.judge.assignment import AssignmentCheck
from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.dispersion import Dispersion
from pilotage.judge.forecast import information, time_to_decision
from pilotage.judge.gauges import Coin, GaugeJudge, Ranks
from pilotage.judge.latency import LatencyJudge
from pilotage.judge.stretching import stretched
from pilotage.judge.sums import History
from pilotage.model.observation import Histogram, VerdictKind

BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def counts(bad_c: int, n_c: int, bad_s: int, n_s: int) -> dict[str, int]:
    return {"canary_bad": bad_c, "canary_total": n_c, "stable_bad": bad_s, "stable_total": n_s}


# ── counts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_late_bettors_are_still_an_e_process_by_enumeration() -> None:
    """Every path of 12 events at the null, with capital beginning before each: the mean of the final capital is at
    most one, and it reaches 1/α with a probability of at most α."""
    ratio, r, alpha, length = 1.25, 0.5, 0.2, 12
    p = ratio * r / (1 + ratio * r)
    mean, alarmed = 0.0, 0.0
    for path in itertools.product((0, 1), repeat=length):
        judge, reached = CountJudge(tolerated_ratio=ratio, alpha=alpha), False
        judge.hold_back(0.5)
        for canary in path:
            judge.begin(0.5 / length)
            judge.update(**counts(canary, 1000, 1 - canary, 2000))
            reached = reached or judge.harm_evidence() >= math.log(1 / alpha)
        chance = math.prod(p if event else 1 - p for event in path)
        mean += chance * math.exp(judge.harm_evidence())
        alarmed += chance * reached
    assert mean == pytest.approx(1.0, abs=1e-9)
    assert 0 < alarmed <= alpha


def test_harm_that_begins_late_is_known_sooner_than_without_late_bettors() -> None:
    chance = np.random.default_rng(3)

    def after(judge: CountJudge | CountStream) -> int:
        for second in range(4000):
            rate = 0.02 if second >= 1800 else 0.001
            bad = counts(int(chance.binomial(25, rate)), 25, int(chance.binomial(475, 0.001)), 475)
            if judge.update(**bad).kind is VerdictKind.FAIL:
                return second - 1800
        return 2200

    late = [after(CountStream(CountJudge())) for _ in range(12)]
    plain = [after(CountJudge()) for _ in range(12)]
    assert 0 <= np.median(late) < np.median(plain) / 2


def test_the_fixed_sample_test_of_scipy_is_never_less_sure_than_ours(scipy_stats: Any) -> None:
    """Looking only once, the exact binomial test may decide earlier; an anytime-valid one must not beat it."""
    for bad in range(1, 40):
        judge = CountJudge(tolerated_ratio=1.0)
        judge.update(**counts(bad, 1000, 5, 1000))
        exact = scipy_stats.binomtest(bad, bad + 5, 0.5, alternative="greater").pvalue
        assert math.exp(-judge.harm_evidence()) >= exact * 0.999


@given(st.integers(1, 20), st.integers(0, 200), st.integers(0, 200))
def test_scaling_both_exposures_changes_nothing(scale: int, bad_c: int, bad_s: int) -> None:
    once, more = CountJudge(), CountJudge()
    once.update(**counts(bad_c, 1000, bad_s, 4000))
    more.update(**counts(bad_c, 1000 * scale, bad_s, 4000 * scale))
    assert once.harm_evidence() == pytest.approx(more.harm_evidence(), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12), st.randoms())
def test_the_order_of_looks_at_one_split_changes_nothing(looks: list[tuple[int, int]], chance: object) -> None:
    one, other = CountJudge(limit=0.05), CountJudge(limit=0.05)
    shuffled = looks[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    for judge, order in ((one, looks), (other, shuffled)):
        for bad_c, bad_s in order:
            judge.update(**counts(bad_c, 100, bad_s, 300))
    assert one.harm_evidence() == pytest.approx(other.harm_evidence(), abs=1e-9)
    assert one.limit_evidence() == pytest.approx(other.limit_evidence(), abs=1e-9)


def test_history_lets_a_few_events_suffice_where_there_is_little_traffic() -> None:
    chance = np.random.default_rng(14)

    def hurt(prior: History | None) -> int:
        judge, failed = CountStream(CountJudge(prior=prior)), 0
        for _ in range(3600):
            n_c, n_s = int(chance.poisson(0.25)), int(chance.poisson(4.75))
            failed += (bad := int(chance.binomial(n_c, 0.05)))
            if judge.update(**counts(bad, n_c, int(chance.binomial(n_s, 0.001)), n_s)).kind is VerdictKind.FAIL:
                break
        return failed

    with_it = [hurt(History(bad=400, total=400_000)) for _ in range(30)]
    without = [hurt(None) for _ in range(30)]
    assert np.mean(with_it) < 0.75 * np.mean(without)
    judge = CountJudge(prior=History(bad=400, total=400_000))
    for _ in range(3):
        judge.update(**counts(1, 10, 1, 190))
    assert "the limit from this service's history" in judge.verdict().sentence


def test_history_that_stable_itself_refutes_blames_nobody() -> None:
    judge = CountJudge(prior=History(bad=400, total=400_000))
    assert judge.update(**counts(50, 1000, 950, 19_000)).kind is not VerdictKind.FAIL


@pytest.mark.parametrize(
    ("bad", "total", "dispersion"), [(0, 1000, 1.0), (10, 1000, 1.0), (400, 400_000, 1.0), (10, 1000, 4.0)]
)
def test_the_ceiling_of_a_history_is_that_of_the_exact_bound(
    bad: int, total: int, dispersion: float, scipy_stats: Any
) -> None:
    ceiling = History(bad, total, dispersion).ceiling
    exact = scipy_stats.gamma.ppf(0.9999, bad + 1) / total
    assert ceiling >= exact * 0.99
    if dispersion == 1:
        assert ceiling == pytest.approx(exact, rel=0.06)


def test_impossible_histories_are_refused() -> None:
    with pytest.raises(ValueError, match="5 of 4"):
        History(5, 4)
    with pytest.raises(ValueError, match="at least 1"):
        Dispersion(0.5)


# ── dispersion ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("poisson", 1.0, 1.6), ("gamma", 8.0, 40.0), ("bursts", 10.0, 10_000.0), ("drift", 1.0, 2.0)],
)
def test_dispersion_is_that_of_the_events_and_a_slow_drift_is_none(kind: str, low: float, high: float) -> None:
    chance, found = np.random.default_rng(11), []
    for _ in range(10):
        dispersion = Dispersion()
        for look in range(900):
            rate = {
                "poisson": 10.0,
                "gamma": 10 * chance.gamma(0.5) / 0.5,
                "bursts": 100.0 if look % 150 < 20 else 5.0,
                "drift": 10 + look / 90,
            }[kind]
            dispersion.update(int(chance.poisson(rate)), 1000)
        found.append(dispersion.factor)
    assert low <= float(np.median(found)) <= high


def test_overdispersed_streams_raise_no_more_alarms_than_alpha() -> None:
    chance, alarms, runs = np.random.default_rng(5), 0, 150
    for _ in range(runs):
        stream = CountStream(CountJudge(tolerated_ratio=1.0, alpha=0.05))
        for rate in 0.01 * chance.gamma(2.0, 0.5, (300, 2)):
            bad = (int(chance.binomial(100, min(1, rate[0]))), int(chance.binomial(900, min(1, rate[1]))))
            if stream.update(**counts(bad[0], 100, bad[1], 900)).kind is VerdictKind.FAIL:
                alarms += 1
                break
    assert alarms / runs <= 0.05


def test_a_stream_goes_on_after_a_restart() -> None:
    first, second = (CountStream(CountJudge(limit=0.05)) for _ in range(2))
    chance = np.random.default_rng(1)
    looks = [counts(int(chance.poisson(1)), 50, int(chance.poisson(9)), 450) for _ in range(80)]
    for look in looks[:50]:
        first.update(**look)
    second.restore(json.loads(json.dumps(first.to_dict())))
    assert [first.update(**look) for look in looks[50:]] == [second.update(**look) for look in looks[50:]]


# ── latency ────────────────────────────────────────────────────────────────────────────────────────────────────


def durations(chance: np.random.Generator, count: int, factor: float = 1.0, tail: float = 0.0) -> Histogram:
    drawn = chance.lognormal(math.log(0.05 * factor), 0.6, count)
    drawn[chance.random(count) < tail] *= 6
    found = np.bincount(np.searchsorted(BOUNDS, drawn), minlength=len(BOUNDS) + 1)
    return Histogram(BOUNDS, tuple(int(c) for c in found))


def test_a_step_of_latency_is_an_e_value_by_enumeration() -> None:
    """Every way to draw the canary's 6 of 14 pooled requests without replacement: the mean evidence is at most one."""
    pooled = [0] * 8 + [1] * 4 + [2] * 2
    mean, ways = 0.0, 0
    for chosen in itertools.combinations(range(len(pooled)), 6):
        ours = [sum(pooled[i] == bucket for i in chosen) for bucket in range(3)]
        theirs = [pooled.count(bucket) - ours[bucket] for bucket in range(3)]
        judge = LatencyJudge(tolerated=1.0)
        judge._compare(Histogram((1.0, 2.0), tuple(ours)), Histogram((1.0, 2.0), tuple(theirs)), 1.0)
        mean += math.exp(judge.evidence())
        ways += 1
    assert mean / ways <= 1.0
    assert mean / ways > 0.8


@pytest.mark.parametrize(
    ("factor", "tail", "fails"), [(1.0, 0.0, False), (1.04, 0.0, False), (1.3, 0.0, True), (1.0, 0.05, True)]
)
def test_a_shift_or_a_tail_is_known_and_a_tolerated_slowdown_is_not(factor: float, tail: float, fails: bool) -> None:
    chance = np.random.default_rng(2)
    judge = LatencyJudge()
    kinds = {judge.update(durations(chance, 50, factor, tail), durations(chance, 950)).kind for _ in range(200)}
    assert (VerdictKind.FAIL in kinds) == fails
    if fails:
        assert "of the canary's requests take more than" in judge.verdict().sentence


def test_equal_durations_raise_no_more_alarms_than_alpha() -> None:
    chance, alarms = np.random.default_rng(4), 0
    for _ in range(200):
        judge = LatencyJudge(tolerated=1.0, alpha=0.05)
        alarms += any(
            judge.update(durations(chance, 100), durations(chance, 300)).kind is VerdictKind.FAIL for _ in range(40)
        )
    assert alarms / 200 <= 0.05


def test_a_faster_canary_is_never_slow() -> None:
    chance, judge = np.random.default_rng(6), LatencyJudge(tolerated=1.0)
    for _ in range(60):
        assert judge.update(durations(chance, 100, 0.6), durations(chance, 900)).kind is not VerdictKind.FAIL
    assert judge.evidence() < 0


def test_few_requests_wait_and_other_buckets_are_refused() -> None:
    judge = LatencyJudge()
    verdict = judge.update(Histogram((1.0,), (9, 0)), Histogram((1.0,), (500, 0)))
    assert verdict.kind is VerdictKind.INSUFFICIENT_DATA
    assert "9 of the 100 requests" in verdict.sentence
    with pytest.raises(ValueError, match="different buckets"):
        judge.update(Histogram((2.0,), (9, 0)), Histogram((1.0,), (500, 0)))


def test_what_a_bucket_hides_is_said() -> None:
    judge = LatencyJudge()
    verdict = judge.update(Histogram((0.1, 0.2), (100, 100, 0)), Histogram((0.1, 0.2), (10, 10, 980)))
    assert verdict.canary == "p95 between 100ms and 200ms"
    assert verdict.stable == "p95 above 200ms"


@given(st.lists(st.integers(0, 1000), min_size=8, max_size=8), st.floats(1.0, 4.0))
def test_stretching_keeps_every_request_and_moves_none_down(found: list[int], factor: float) -> None:
    moved = stretched(Histogram(BOUNDS, tuple(found)), factor)
    assert moved.sum() == pytest.approx(sum(found))
    assert all(np.cumsum(moved)[:-1] <= np.cumsum(found)[:-1] + 1e-6)


# ── gauges ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_coin_is_an_e_process_by_enumeration() -> None:
    mean = 0.0
    for path in itertools.product((False, True), repeat=12):
        coin = Coin()
        for heads in path:
            coin.toss(heads)
        mean += math.exp(coin.bettors.evidence) / 2**12
    assert mean == pytest.approx(1.0, abs=1e-9)


def test_ranks_are_an_e_process_by_enumeration() -> None:
    """Every order of seven different values is equally likely where nothing drifts."""
    orders = list(itertools.permutations(range(7)))
    mean = 0.0
    for order in orders:
        ranks = Ranks()
        for value in order:
            ranks.place(float(value))
        mean += math.exp(ranks.bettors.evidence) / len(orders)
    assert mean == pytest.approx(1.0, abs=1e-9)


def gauge(kind: str, chance: np.random.Generator, samples: int, **options: object) -> int | None:
    """The sample at which it fails; noise correlated with 0.9 from one to the next."""
    judge, noise = GaugeJudge("memory", **{"factor": 2.0, "alpha": 0.001, **options}), np.zeros(2)  # type: ignore[arg-type]
    for sample in range(samples):
        noise = 0.9 * noise + chance.normal(0, 0.02, 2)
        canary = {"steady": 1.0, "leak": 1 + sample * 0.001, "double": 2.5, "spike": 9.0 if sample == 50 else 1.0}[kind]
        if judge.update(canary + noise[0], 1 + noise[1]).kind is VerdictKind.FAIL:
            return sample
    return None


def test_a_leak_is_known_before_it_triples_and_so_is_a_level() -> None:
    chance = np.random.default_rng(8)
    assert all((gauge("leak", chance, 2000) or 2000) < 2000 for _ in range(10))
    assert all((gauge("double", chance, 3000) or 3000) < 3000 for _ in range(10))


def test_correlated_samples_and_spikes_raise_no_more_alarms_than_alpha() -> None:
    chance = np.random.default_rng(9)
    alarms = sum(gauge("steady", chance, 900, alpha=0.05) is not None for _ in range(150))
    assert alarms / 150 <= 0.05
    assert all(gauge("spike", chance, 300) is None for _ in range(20))


def test_blocks_grow_with_the_correlation_of_the_samples() -> None:
    chance, judge, noise = np.random.default_rng(1), GaugeJudge("memory"), 0.0
    for _ in range(3000):
        noise = 0.98 * noise + float(chance.normal(0, 0.02))
        judge.update(1.0, 1 + noise)
    # A correlation of 0.98 lasts 99 samples, and a block four times that.
    assert judge.block >= 100
    independent = GaugeJudge("memory")
    for _ in range(600):
        independent.update(1.0, 1 + float(chance.normal(0, 0.02)))
    assert independent.block <= 10


def test_a_gauge_that_should_be_high_fails_when_it_is_low_and_forecasts_the_limit() -> None:
    judge = GaugeJudge("conversion", factor=0.9, higher_is_worse=False)
    for _ in range(200):
        verdict = judge.update(0.02, 0.04)
    assert verdict.kind is VerdictKind.FAIL
    assert "less than 0.9 times" in verdict.sentence
    leak = GaugeJudge("memory", factor=10.0, limit=4.0)
    for sample in range(400):
        verdict = leak.update(1 + sample * 0.005, 1.0 + sample % 2 * 0.001)
        if verdict.kind is VerdictKind.FAIL:
            break
    assert "at this pace it reaches 4 after" in verdict.sentence


def test_a_gauge_goes_on_after_a_restart_and_refuses_what_is_no_number() -> None:
    chance = np.random.default_rng(3)
    first, second = GaugeJudge("memory"), GaugeJudge("memory")
    for value in chance.normal(1, 0.1, 200):
        first.update(float(value), 1.0)
    second.restore(json.loads(json.dumps(first.to_dict())))
    later = [(float(a), float(b)) for a, b in chance.normal(1, 0.1, (100, 2))]
    assert [first.update(*pair) for pair in later] == [second.update(*pair) for pair in later]
    with pytest.raises(ValueError, match="finite"):
        first.update(math.nan, 1.0)


# ── assignment, forecast ───────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_split_is_known_and_a_right_one_is_not_called_wrong() -> None:
    chance = np.random.default_rng(10)
    wrong = AssignmentCheck()
    for _ in range(300):
        wrong.update(share=0.05, canary=int(chance.binomial(500, 0.02)), total=500)
    assert "instead of 5%" in wrong.mismatch
    alarms = 0
    for _ in range(200):
        right = AssignmentCheck(alpha=0.05, dispersion=1.0)
        for _ in range(100):
            right.update(share=0.05, canary=int(chance.binomial(100, 0.05)), total=100)
        alarms += bool(right.mismatch)
    assert alarms / 200 <= 0.05


def test_another_share_begins_anew() -> None:
    check = AssignmentCheck()
    check.update(share=0.05, canary=900, total=1000)
    assert check.mismatch
    check.update(share=0.5, canary=500, total=1000)
    assert check.mismatch == ""
    with pytest.raises(ValueError, match="share"):
        check.update(share=2.0, canary=1, total=1)


def test_the_forecast_is_about_what_a_simulation_takes() -> None:
    chance, times = np.random.default_rng(12), []
    for _ in range(60):
        judge = CountStream(CountJudge())
        for second in range(1, 4000):
            bad = counts(int(chance.binomial(25, 0.01)), 25, int(chance.binomial(475, 0.001)), 475)
            if judge.update(**bad).kind is VerdictKind.FAIL:
                times.append(second)
                break
    forecast = time_to_decision(requests=500, share=0.05, base_rate=0.001, harm=10)
    assert 0.5 < np.mean(times) / forecast.seconds < 2
    assert forecast.sentence.startswith("needs about")


def test_a_forecast_without_traffic_or_of_no_harm() -> None:
    assert time_to_decision(requests=0, share=0.05, base_rate=0.001, harm=10).sentence.endswith("too low for a result")
    with pytest.raises(ValueError, match="above the tolerated ratio"):
        time_to_decision(requests=1, share=0.05, base_rate=0.001, harm=1.1)
    assert information(1.25, 1.25, 0.1, 1.0) == pytest.approx(0.0)
