"""Durations: routes of their own, differences that matter, and buckets that hide where requests lie."""

from __future__ import annotations

import itertools
import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.judge.latency import LatencyJudge
from pilotage.judge.strata_latency import StrataLatency
from pilotage.judge.stretching import Array, stretched
from pilotage.model.json import find
from pilotage.model.observation import EMPTY, Histogram, VerdictKind

BOUNDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0)


def shares(median: float, sigma: float) -> Array:
    """Of requests with lognormal durations, by bucket."""
    below = [NormalDist(math.log(median), sigma).cdf(math.log(bound)) for bound in BOUNDS]
    return np.diff([0.0, *below, 1.0])


def drawn(chance: np.random.Generator, count: int, median: float = 0.05, sigma: float = 0.5) -> Histogram:
    return Histogram(BOUNDS, tuple(chance.multinomial(count, shares(median, sigma)).tolist()))


def flagged(chance: np.random.Generator, place: float, slower: float, sigma: float, runs: int) -> int:
    """How many of the canaries of 20 minutes, 5 % of 500 req/s, were called slow where 20 % slower is tolerated."""
    usual, slow, found = shares(0.1 * place, sigma), shares(0.1 * place * slower, sigma), 0
    for _ in range(runs):
        judge = LatencyJudge(tolerated=1.2, alpha=0.001 / 5)
        looks = zip(chance.multinomial(500, slow, 60), chance.multinomial(9500, usual, 60), strict=True)
        for ours, theirs in looks:
            canary, stable = (Histogram(BOUNDS, tuple(row.tolist())) for row in (ours, theirs))
            judge.take_in(canary, stable, 1.0)
            if judge.evidence() >= math.log(5000):
                found += 1
                break
    return found


def test_a_tolerated_slowdown_at_the_edge_of_a_bucket_is_not_called_slow() -> None:
    """All requests just below a bound, the canary 5 % slower: most of it is above the bound, and nobody is harmed."""
    assert flagged(np.random.default_rng(7), 0.97, 1.05, 0.03, runs=200) == 0


@pytest.mark.parametrize("place", [0.9, 0.97, 1.0, 1.02, 1.1])
@pytest.mark.parametrize("sigma", [0.03, 0.1, 0.3])
def test_wherever_the_edge_lies_tolerated_is_tolerated_and_harm_is_known(place: float, sigma: float) -> None:
    chance = np.random.default_rng(8)
    assert flagged(chance, place, 1.15, sigma, runs=2) == 0
    assert flagged(chance, place, 1.6, sigma, runs=2) == 2


@given(st.lists(st.integers(0, 1000), min_size=14, max_size=14), st.floats(1.0, 4.0), st.floats(0.0, 0.2))
def test_stretching_keeps_every_request_and_moves_none_down(found: list[int], factor: float, least: float) -> None:
    plain = stretched(Histogram(BOUNDS, tuple(found)), factor)
    moved = stretched(Histogram(BOUNDS, tuple(found)), factor, least)
    assert moved.sum() == pytest.approx(sum(found))
    assert all(np.cumsum(plain)[:-1] <= np.cumsum(found)[:-1] + 1e-6)
    assert all(np.cumsum(moved)[:-1] <= np.cumsum(plain)[:-1] + 1e-6)


def test_a_difference_that_does_not_matter_is_not_called_slow() -> None:
    """Half as long again is 5 ms where a request takes 10: harm by itself, but none where 10 ms or 10 % may be."""
    chance = np.random.default_rng(9)
    strict, lenient = LatencyJudge(tolerated=1.05), LatencyJudge(tolerated=1.05, least=0.01, least_share=0.1)
    slow = LatencyJudge(tolerated=1.05, least=0.01, least_share=0.1)
    for _ in range(100):
        stable = drawn(chance, 950, 0.012, 0.4)
        near, far = drawn(chance, 100, 0.017, 0.4), drawn(chance, 100, 0.04, 0.4)
        strict.update(near, stable)
        lenient.update(near, stable)
        slow.update(far, stable)
    assert strict.verdict().kind is VerdictKind.FAIL
    assert lenient.evidence() < 0
    assert slow.verdict().kind is VerdictKind.FAIL


# ── strata ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_routes_together_are_an_e_value_by_enumeration() -> None:
    """Every way to draw the canary's 2 of 4 and 2 of 5 pooled requests of two routes: the mean is at most one."""
    pooled, bounds, mean, ways = ([0, 0, 1, 2], [0, 1, 1, 2, 2]), (1.0, 2.0), 0.0, 0
    for chosen in itertools.product(*(itertools.combinations(range(len(route)), 2) for route in pooled)):
        strata = StrataLatency(tolerated=1.0, strata=("/a", "/b"))
        for name, route, taken in zip(("/a", "/b"), pooled, chosen, strict=True):
            ours = [sum(route[i] == bucket for i in taken) for bucket in range(3)]
            theirs = [route.count(bucket) - ours[bucket] for bucket in range(3)]
            strata._judges[name]._compare(Histogram(bounds, tuple(ours)), Histogram(bounds, tuple(theirs)), 1.0)
        mean += math.exp(strata.evidence())
        ways += 1
    assert 0.7 < mean / ways <= 1.0


def test_another_mix_of_routes_is_no_slowness_and_a_slow_route_is_named() -> None:
    """30 % of the canary's requests ask the slow route, 20 % of stable's; nothing became slower."""
    chance = np.random.default_rng(10)
    mixed, pooled = StrataLatency(tolerated=1.2), LatencyJudge(tolerated=1.2)
    harmed = StrataLatency(tolerated=1.2)
    for _ in range(100):
        canary = {"/quick": drawn(chance, 350, 0.02), "/slow": drawn(chance, 150, 0.16)}
        stable = {"/quick": drawn(chance, 3800, 0.02), "/slow": drawn(chance, 950, 0.16)}
        mixed.update(canary, stable)
        pooled.update(canary["/quick"].plus(canary["/slow"]), stable["/quick"].plus(stable["/slow"]))
        harmed.update({**canary, "/slow": drawn(chance, 150, 0.3)}, stable)
    assert pooled.verdict().kind is VerdictKind.FAIL
    assert mixed.evidence() < 0
    assert harmed.worst_route()[0] == "/slow"
    verdict = harmed.verdict()
    assert verdict.kind is VerdictKind.FAIL
    assert "on /slow" in verdict.sentence
    assert (harmed.canary.total, harmed.stable.total) == (50_000, 475_000)


def test_one_route_is_what_a_single_judge_says() -> None:
    chance, strata, single = np.random.default_rng(11), StrataLatency(1.1), LatencyJudge(1.1)
    for _ in range(20):
        canary, stable = drawn(chance, 120, 0.055), drawn(chance, 800)
        trust = float(chance.random())
        assert strata.update({"/": canary}, {"/": stable}, trust) == single.update(canary, stable, trust)


def test_routes_of_few_requests_wait_and_later_routes_are_the_rest() -> None:
    strata = StrataLatency()
    few, many = Histogram((1.0,), (30, 0)), Histogram((1.0,), (500, 0))
    verdict = strata.update({"/a": few, "/b": EMPTY}, {"/a": many, "/b": many})
    assert verdict.kind is VerdictKind.INSUFFICIENT_DATA
    assert "30 of the 100 requests" in verdict.sentence
    strata.update({"/new": many}, {"/new": many})
    assert strata.canary.total == 530
    assert find(strata.to_dict(), "routes", "rest", "canary", "counts") == (500, 0)


def test_strata_of_durations_go_on_after_a_restart() -> None:
    chance = np.random.default_rng(12)
    looks = [
        ({"/a": drawn(chance, 60), "/b": drawn(chance, 150)}, {"/a": drawn(chance, 300), "/b": drawn(chance, 500)})
        for _ in range(11)
    ]
    first, second = StrataLatency(1.1, least=0.01), StrataLatency(1.1, least=0.01)
    for look in looks[:5]:
        first.update(*look)
    second.restore(json.loads(json.dumps(first.to_dict())))
    assert [first.update(*look) for look in looks[5:]] == [second.update(*look) for look in looks[5:]]
