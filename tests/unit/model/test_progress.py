"""What a strategy keeps of its own goes through the store and back, and is read as earlier versions wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pilotage.model.answers import DeploymentStrategy as S
from pilotage.model.json import JsonObject
from pilotage.model.progress import (
    BigBangProgress,
    BlueGreenProgress,
    CanaryProgress,
    Progress,
    RollingProgress,
    ToggleProgress,
    WayBack,
)
from pilotage.model.rollout import Diversion, Hold, HoldCause, Observed, RolloutState, Status, Trouble
from pilotage.model.stored_state import from_data, to_data
from pilotage.rollout.strategies import STRATEGIES
from pilotage.rollout.walking import where

FORWARD, BACK, BACKED = Status.PROGRESSING, Status.ROLLING_BACK, Status.ROLLED_BACK
CASES: list[tuple[S, Status, Progress, dict[str, Any]]] = [
    (S.CANARY, FORWARD, CanaryProgress(), {"moves": 0}),
    (S.BLUE_GREEN, BACKED, BlueGreenProgress(preserved=True), {"preserved": True}),
    (S.ROLLING, FORWARD, RollingProgress(restored=True), {"moves": 1}),
    (S.ROLLING, Status.WITHDRAWN, RollingProgress(restored=True), {"moves": 1}),
    (S.ROLLING, BACK, RollingProgress(undone=2), {"moves": 2}),
    (S.BIG_BANG, BACK, BigBangProgress(came_to=WayBack.RESTORED), {"moves": 3}),
    (S.FEATURE_TOGGLE, FORWARD, ToggleProgress(parts=3), {"moves": 3}),
    (S.FEATURE_TOGGLE, BACK, ToggleProgress(undone=2), {"moves": 2}),
    (S.FEATURE_TOGGLE, BACKED, ToggleProgress(dark=True), {"moves": 0, "dark": True}),
]


@pytest.mark.parametrize(("strategy", "status", "progress", "fields"), CASES)
def test_progress_is_read_as_it_is_written_now_and_as_it_was_written_before(
    strategy: S, status: Status, progress: Progress, fields: dict[str, Any]
) -> None:
    state = RolloutState(new="2", old="1", status=status, progress=progress)
    written = json.loads(json.dumps(to_data(state)))
    assert from_data(written, strategy) == state
    assert written["progress"]["strategy"] == strategy
    # A worker of an earlier version takes it over, knows the fields of all, and hands it back.
    handed_back = {name: value for name, value in written.items() if name not in ("progress", "troubles", "diverted")}
    assert handed_back.items() >= fields.items()
    assert from_data(handed_back, strategy) == state


def test_a_state_of_an_earlier_version_has_none_of_the_new_fields() -> None:
    old: JsonObject = {"new": "2", "old": "1", "pace": "full", "status": "holding", "step": 3, "moves": 1, "hold":
           {"cause": "canary-unhealthy", "sentence": "0 of 2", "held": 4.0}}  # fmt: skip
    found = from_data(old, S.ROLLING)
    assert (found.progress, found.troubles, found.diverted) == (RollingProgress(restored=True), (), None)
    with pytest.raises(msgspec.ValidationError):
        from_data({**old, "step": "three"}, S.ROLLING)


def test_every_strategy_has_a_progress_of_its_own() -> None:
    kinds = [type(strategy.progress) for strategy in STRATEGIES.values()]
    assert len(set(kinds)) == len(S) == len(kinds)


def test_accounts_of_patience_and_a_diversion_outlive_the_worker() -> None:
    trouble = Trouble(cause=HoldCause.CANARY_UNHEALTHY, spent=4.5, calm=1.0, here=False, told=True)
    state = replace(
        RolloutState(new="2", old="1", status=Status.HOLDING),
        troubles=(trouble,), diverted=Diversion(share=250, well=True, calm=2.0), recovering=(("errors", 7.0),),
        hold=Hold(HoldCause.CANARY_UNHEALTHY, "0 of 2 are healthy", 4.5),
    )  # fmt: skip
    assert from_data(json.loads(json.dumps(to_data(state))), S.CANARY) == state


def test_a_first_version_has_no_old_one_to_name() -> None:
    assert where(RolloutState(new="1.0", old=None), Observed(None, ())) == "on 1.0: none"
    assert where(RolloutState(new="2.0", old="1.0"), Observed(None, ())) == "on 2.0: none; on 1.0: none"
