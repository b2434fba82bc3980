"""R16: an experiment ends with a winner and its interval, or with no difference shown, however often people look."""

from __future__ import annotations

import random

import pytest

from pilotage.engine.execution.judges import judge_of_flag
from pilotage.judge.experiment import result_of
from pilotage.judge.look import Beside
from pilotage.model.capabilities import Capabilities
from pilotage.model.live import SeenExperiment
from pilotage.model.observation import Observation, Reading
from pilotage.model.snapshot import Snapshot
from tests.plans import a_plan

PLAN = a_plan({"feature_toggle.stages": ["50%", "100%"]}, strategy="feature-toggle")


def looks(on: float, off: float, number: int, seed: int = 1, requests: int = 200) -> list[SeenExperiment]:
    """What is known after each look at so many requests of both variants, with these error rates."""
    chance, found = random.Random(seed), []
    judge = judge_of_flag(PLAN, Snapshot(), Capabilities(), 0)
    for look in range(number):
        bad = [sum(chance.random() < rate for _ in range(requests)) for rate in (on, off)]
        observations = (Observation("on", requests, bad[0]), Observation("off", requests, bad[1]))
        judge.observe(Reading(observations, {}, float(look)), (), Beside("off", 1.0, None))
        found.append(result_of(judge.to_dict(), PLAN.number("analysis.max_ratio")))
    return found


@pytest.mark.parametrize(("on", "off", "winner"), [(0.02, 0.05, "on"), (0.05, 0.02, "off")])
def test_r16_a_difference_has_a_winner_and_an_interval_around_the_truth(on: float, off: float, winner: str) -> None:
    last = looks(on, off, 200)[-1]
    assert last.winner == winner
    assert last.interval is not None
    low, high = last.interval
    assert high is not None
    assert low < 100 * (on - off) < high
    assert low * high > 0, "zero is outside"
    assert last.sentence.startswith(f"{winner} wins: error rate {'−' if winner == 'on' else '+'}")
    assert "percentage points (95 % interval" in last.sentence
    assert "40,000 requests with the flag fail" in last.sentence


def test_r16_who_looks_at_every_look_calls_no_winner_where_there_is_none() -> None:
    """Each of 25 experiments without a difference is looked at a hundred times: at most 5 % may name a winner, and
    a test that allows one look would name one in a third of them."""
    named = sum(any(one.winner for one in looks(0.05, 0.05, 100, seed, 40)) for seed in range(25))
    assert named <= 2


def test_r16_without_a_difference_it_says_so_and_how_large_one_may_be() -> None:
    last = looks(0.03, 0.03, 150)[-1]
    assert last.winner == ""
    assert last.interval is not None
    assert last.interval[0] < 0 < (last.interval[1] or 0)
    assert last.sentence.startswith("no difference shown: error rate ")


def test_r16_nothing_is_claimed_without_users_or_without_errors() -> None:
    judge = judge_of_flag(PLAN, Snapshot(), Capabilities(), 0)
    empty = result_of(judge.to_dict(), PLAN.number("analysis.max_ratio"))
    assert (empty.winner, empty.interval) == ("", None)
    assert empty.sentence == "no result yet: there are no requests of both variants"
    assert looks(0.0, 0.0, 50)[-1].winner == ""
