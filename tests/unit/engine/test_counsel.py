"""Judges beside the release's own: what they know outlives the worker, by their names."""

from __future__ import annotations

import json

from pilotage.engine.execution.counsel import Counsels
from pilotage.engine.execution.success import SuccessRate
from pilotage.model.live import JudgeState, read_judge
from pilotage.model.observation import Observation, Reading
from tests.plans import a_plan


def counsels() -> Counsels:
    return Counsels([SuccessRate(a_plan({"alerts.min_requests": 10, "alerts.window": "30s"}, tolerance="medium"))])


def test_what_a_counsel_counted_is_known_to_the_next_worker() -> None:
    first, second = counsels(), counsels()
    first.observe(Reading((Observation("new", 400, 6), Observation("old", 400, 0)), {}, at=100.0))
    (before,) = first.verdicts()
    stored = json.loads(json.dumps(JudgeState(sums={}, counsels=first.saved()).to_dict()))
    kept = read_judge(stored)
    assert kept is not None
    second.restore(kept.counsels)
    assert second.verdicts() == (before,)
    assert "98.50% of 400 requests" in before.sentence
    second.begin_again()
    assert second.verdicts() == ()


def test_what_another_version_of_pilotage_saved_keeps_nobody_from_beginning() -> None:
    some = counsels()
    some.restore({"complaints": {"counted": 3}})
    assert some.saved() == {}
