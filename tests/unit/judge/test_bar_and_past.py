"""One bar for all tests, and how much stable's own level changes over a time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.judge.bar import SIGNAL, WEIGHTS, combined, leading, shares
from pilotage.judge.past import PastLevel
from pilotage.model.json import list_at

# ── the bar ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("signals", [0, 1, 3])
def test_the_weights_of_all_tests_add_up_to_one(signals: int) -> None:
    found = shares(signals)
    assert sum(found[name] for name in WEIGHTS) + signals * found.get(SIGNAL, 0.0) == pytest.approx(1.0)
    if signals:
        assert found["errors"] / found["slow"] == pytest.approx(WEIGHTS["errors"] / WEIGHTS["slow"])
        assert signals * found[SIGNAL] == pytest.approx(0.1)


def test_fewer_than_no_signals_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        shares(-1)


@given(st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.floats(-50, 50), min_size=1))
def test_the_bar_is_the_logarithm_of_a_weighted_average_and_no_test_waits_longer_than_with_its_share(
    evidences: dict[str, float],
) -> None:
    whole = combined(evidences, WEIGHTS)
    assert whole == pytest.approx(math.log(sum(WEIGHTS[name] * math.exp(e) for name, e in evidences.items())))
    best = leading(evidences, WEIGHTS)
    assert whole >= max(evidences[name] + math.log(WEIGHTS[name]) for name in evidences) - 1e-12
    assert whole - math.log(len(evidences)) <= evidences[best] + math.log(WEIGHTS[best]) + 1e-12


def test_tests_that_depend_on_one_another_entirely_raise_no_more_alarms_than_alpha() -> None:
    """The worst dependence: all of them the same e-value, that is 1/α with a probability of α and else nothing."""
    alpha, alarms = 0.05, 0
    for drawn in np.random.default_rng(1).random(2000):
        evidence = math.log(1 / alpha) if drawn < alpha else -math.inf
        alarms += combined(dict.fromkeys(WEIGHTS, evidence), WEIGHTS) >= math.log(1 / alpha) - 1e-9
    assert alarms / 2000 <= alpha + 0.01


def test_evidence_beyond_the_range_of_a_float_is_no_trouble() -> None:
    assert combined({"errors": 5000.0, "slow": -math.inf}, WEIGHTS) == pytest.approx(5000 + math.log(0.45))
    assert combined({}, WEIGHTS) == -math.inf
    assert leading({}, WEIGHTS) == ""
    assert leading({"errors": 1.0, "business_conversion_rate": 9.0}, shares(1)) == "business_conversion_rate"


# ── the past ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_level_is_events_over_requests_and_nothing_is_known_of_a_moment() -> None:
    past = PastLevel()
    assert past.level() is None
    past.update(at=0.0, total=3, count=100)
    past.update(at=10.0, total=0, count=0)
    past.update(at=31.0, total=5, count=100)
    assert past.level() == pytest.approx(0.04)
    assert past.margin(30.0) is None


def test_the_margin_is_how_much_higher_stable_itself_was_that_much_later() -> None:
    """A level that doubles in ten minutes and falls again: near by it changes little, ten minutes apart by two."""
    past = PastLevel()
    for block in range(60):
        past.update(at=30.0 * block, total=100 + 100 * min(block, 40 - min(block, 40)) / 20, count=1000)
    near, far = past.margin(60.0), past.margin(600.0)
    assert near == far == pytest.approx(2.0)
    rising = PastLevel()
    for block in range(40):
        rising.update(at=30.0 * block, total=1000 - block, count=1000)
    assert rising.margin(30.0) == 1.0


def test_what_is_further_than_all_that_is_known_has_the_margin_of_the_longest_distance() -> None:
    past = PastLevel()
    for block in range(20):
        past.update(at=30.0 * block, total=10 + block, count=1000)
    assert past.margin(86_400.0) == pytest.approx(29 / 10)
    assert past.margin(0.0) == pytest.approx(29 / 10)


def test_no_errors_at_all_are_a_level_that_never_changed() -> None:
    past = PastLevel()
    for block in range(10):
        past.update(at=30.0 * block, total=0, count=1000)
    assert (past.level(), past.margin(60.0)) == (0.0, 1.0)
    past.update(at=400.0, total=7, count=1000)
    assert past.margin(60.0) == 1.0


@given(st.lists(st.tuples(st.floats(0, 100_000), st.integers(0, 5), st.integers(1, 9)), max_size=60))
def test_the_memory_is_bounded_and_nothing_is_lost(looks: list[tuple[float, int, int]]) -> None:
    past = PastLevel()
    for at, total, count in looks:
        past.update(at, total, count)
    assert len(list_at(past.to_dict(), "blocks")) <= 240
    if looks:
        assert past.level() == pytest.approx(sum(look[1] for look in looks) / sum(look[2] for look in looks))


def test_a_day_is_kept_in_240_blocks_and_goes_on_after_a_restart() -> None:
    first, second = PastLevel(), PastLevel()
    for minute in range(1440):
        first.update(60.0 * minute, 1 + minute % 7, 100)
    saved = json.loads(json.dumps(first.to_dict()))
    assert 100 < len(saved["blocks"]) <= 240
    second.restore(saved)
    for past in (first, second):
        past.update(90_000.0, 5, 100)
    assert (first.level(), first.margin(3600.0)) == (second.level(), second.margin(3600.0))
