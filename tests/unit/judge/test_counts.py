"""The judge: right on values one can compute by hand, never crying wolf more often than α, whenever one looks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.judge.counts import CountJudge
from pilotage.model.observation import VerdictKind


def counts(bad_c: int, n_c: int, bad_s: int, n_s: int) -> dict[str, int]:
    return {"canary_bad": bad_c, "canary_total": n_c, "stable_bad": bad_s, "stable_total": n_s}


def test_nothing_seen_is_insufficient_data_not_a_pass() -> None:
    assert CountJudge().verdict().kind is VerdictKind.INSUFFICIENT_DATA


def test_a_plainly_worse_canary_fails_and_the_sentence_has_the_numbers() -> None:
    verdict = CountJudge().update(**counts(12, 250, 5, 4750))
    assert verdict.kind is VerdictKind.FAIL
    assert "canary 4.8 % (12 of 250), stable 0.105 % (5 of 4,750)" in verdict.sentence
    assert "confidence 99.9 %" in verdict.sentence
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
    assert "not the cause" in verdict.sentence


@pytest.mark.parametrize(("bad", "total"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(bad: int, total: int) -> None:
    with pytest.raises(ValueError, match="bad events"):
        CountJudge().update(**counts(bad, total, 0, 10))


def test_exact_false_alarm_probability_by_enumeration() -> None:
    """Every path of 12 events, each the canary's with the null's probability, looked at after each event: the
    probability that the e-value ever reaches 1/α is at most α (Ville). Exact, no sampling."""
    ratio, r, alpha = 1.25, 0.5, 0.2
    p = ratio * r / (1 + ratio * r)
    alarmed = 0.0
    for path in itertools.product((0, 1), repeat=12):
        judge = CountJudge(tolerated_ratio=ratio, alpha=alpha)
        for canary in path:
            judge.update(**counts(canary, 1000, 1 - canary, 2000))
            if judge.harm_evidence() >= math.log(1 / alpha):
                alarmed += math.prod(p if event else 1 - p for event in path)
                break
    assert 0 < alarmed <= alpha


def test_simulated_false_alarms_with_a_moving_split_stay_below_alpha() -> None:
    chance, alarms, runs = np.random.default_rng(7), 0, 400
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
