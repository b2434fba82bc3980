"""R21: an incident begins when users first met harm, which is before the judge is sure of it."""

from __future__ import annotations

import random

from pilotage.judge.onset import Onset
from pilotage.judge.pace import Pace


def test_r21_harm_begins_with_the_first_failure_where_there_were_none() -> None:
    onset = Onset()
    for second in range(100):
        onset.update(second, failures=second >= 40, tolerated=0.0)
    assert onset.since == 40


def test_r21_usual_failures_are_no_harm_and_harm_is_dated_near_its_beginning() -> None:
    onset, chance = Onset(), random.Random(4)
    for second in range(2_000):
        rate = 0.01 if second < 1_500 else 0.05
        onset.update(second, sum(chance.random() < rate for _ in range(50)), 1.25 * 0.01 * 50)
    assert onset.since is not None
    assert abs(onset.since - 1_500) < 100


def test_r21_the_date_survives_a_restart() -> None:
    onset, other = Onset(), Onset()
    onset.update(7.5, 2, 0.0)
    other.restore(onset.to_dict())
    assert (other.since, other.to_dict()) == (7.5, onset.to_dict())


def test_a_version_that_gets_no_traffic_any_more_promises_none() -> None:
    pace = Pace()
    for second in range(1, 11):
        pace.note(second, came=True)
    assert "more at this traffic" in pace.wait(50, 100)
    for second in range(11, 20):
        pace.note(second, came=False)
    assert pace.wait(50, 100) == ""
