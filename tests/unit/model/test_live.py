"""The last look and the judge's sums: of any version, for people; what cannot be read costs the evidence alone."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from pilotage.model.live import JUDGE_FORMAT, NOTHING_SEEN, JudgeState, LiveView, SeenVerdict, read_judge, read_live

OLD_VERDICT = {"metric": "error_rate", "kind": "pass", "sentence": "well", "ratio": 1.0, "interval": [0.5, None]}


def test_a_look_of_an_older_version_is_shown() -> None:
    found = read_live({"at": 1, "step": "analyse-5", "verdicts": [OLD_VERDICT], "gone": True})
    assert found.verdicts == (
        SeenVerdict(metric="error_rate", kind="pass", sentence="well", ratio=1.0, interval=(0.5, None)),
    )
    assert (found.routed, found.requests, found.health) == (None, {}, None)


@pytest.mark.parametrize("rubbish", [None, {}, [], {"at": "noon"}, {"verdicts": [{"kind": "pass"}]}, "x"])
def test_a_look_that_cannot_be_read_is_none(rubbish: object) -> None:
    assert read_live(rubbish) is NOTHING_SEEN


def test_what_is_printed_of_a_look_is_what_it_was_before_there_was_a_type() -> None:
    printed = json.loads(json.dumps(LiveView(at=1.5, step="s", flag=None).to_dict()))
    assert list(printed) == [
        "at", "step", "title", "watched", "duration", "wanted", "routed", "closed", "flag", "observed", "requests",
        "verdicts", "forecast", "health", "checks", "instances", "trouble", "experiment",
    ]  # fmt: skip
    assert read_live(printed) == LiveView(at=1.5, step="s")


def test_the_judges_sums_are_read_again() -> None:
    state = JudgeState(sums={"users": {"ever": {"canary_bad": 1}}}, totals={"2.0": 7}, tries=1)
    assert read_judge(json.loads(json.dumps(state.to_dict()))) == state
    assert state.ever == {"canary_bad": 1}
    assert state.format == JUDGE_FORMAT


@pytest.mark.parametrize(
    "saved", [None, [], {}, {"sums": 3}, {"sums": {}, "format": JUDGE_FORMAT + 1}, {"sums": {}, "totals": {"2.0": "x"}}]
)
def test_sums_of_another_version_are_none(saved: Any) -> None:
    assert read_judge(saved) is None


def test_nothing_was_compared_where_the_sums_are_of_another_shape() -> None:
    assert JudgeState(sums={"users": [math.pi]}).ever == {}
