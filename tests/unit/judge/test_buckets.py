"""Prometheus' buckets, classic and native, in the judge's form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.judge.buckets import BadBuckets, Native, classic, native
from pilotage.judge.latency import LatencyJudge
from pilotage.model.observation import Histogram, VerdictKind


def test_classic_buckets_are_cumulative_and_end_at_infinity() -> None:
    found = classic({0.1: 5, 0.5: 9, math.inf: 10})
    assert found == Histogram((0.1, 0.5), (5, 4, 1))
    with pytest.raises(BadBuckets, match="Inf"):
        classic({0.1: 5})
    with pytest.raises(BadBuckets, match=r'le="0.5" counts 3, the one before 5'):
        classic({0.1: 5, 0.5: 3, math.inf: 10})


def natively(values: list[float], schema: int) -> Native:
    """As a Prometheus client would: bucket ⌈log₂(value) · 2^schema⌉."""
    buckets: dict[int, float] = {}
    for value in values:
        index = math.ceil(math.log2(value) * 2**schema - 1e-12)
        buckets[index] = buckets.get(index, 0) + 1
    return Native(schema, buckets)


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=60), st.integers(2, 6))
def test_native_buckets_hold_what_their_bounds_say(values: list[float], schema: int) -> None:
    found = native(natively(values, schema))
    assert found == native(natively(values, 2))
    assert found.total == len(values)
    for bound in found.bounds:
        above = sum(value > bound * (1 + 1e-9) for value in values)
        at_least = sum(value > bound * (1 - 1e-9) for value in values)
        assert above <= found.above(bound) <= at_least


def test_native_histograms_of_different_schemas_can_be_judged() -> None:
    chance, judge = np.random.default_rng(1), LatencyJudge()
    for _ in range(40):
        canary = natively(chance.lognormal(-2, 0.5, 200).tolist(), 5)
        stable = natively(chance.lognormal(-3, 0.5, 800).tolist(), 3)
        verdict = judge.update(native(canary), native(stable))
    assert verdict.kind is VerdictKind.FAIL


def test_what_is_quicker_or_slower_than_the_bounds_is_kept() -> None:
    found = native(Native(3, {-1000: 2, 1000: 3}, zero=4.0))
    assert (found.counts[0], found.counts[-1], found.total) == (6, 3, 9)


def test_what_no_histogram_can_have_is_refused() -> None:
    with pytest.raises(BadBuckets, match="schema 9 is not one of 2 … 8"):
        native(Native(9, {}))
    with pytest.raises(BadBuckets, match="schema 1 is not one of 2 … 8"):
        native(Native(1, {}))
    with pytest.raises(BadBuckets, match="less than nothing"):
        native(Native(3, {1: -1.0}))
