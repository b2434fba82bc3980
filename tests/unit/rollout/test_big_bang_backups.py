"""R15: data is backed up while nobody can change it, and a restore under way is not cut off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.config.stored import read_section
from pilotage.model import step_ids
from pilotage.model.action import Action, Check, Ensure
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.json import JsonObject
from pilotage.model.observation import CheckResult, CheckStatus
from pilotage.model.plan import Plan
from pilotage.model.progress import BigBangProgress, WayBack
from pilotage.model.rollout import Mode, Observed, RolloutState, Status
from pilotage.model.traffic import Split
from pilotage.rollout.machine import begin, decide, desired
from pilotage.rollout.strategies import STRATEGIES
from pilotage.rollout.turn import Configured
from tests.unit.rollout.test_strategies_model import a_plan
from tests.unit.rollout.world import GOOD, World

HOOKS = frozenset({step_ids.CHECK_BACKUP, step_ids.FINAL_BACKUP, step_ids.RESTORE})


def _index(plan: Plan, identity: str) -> int:
    return next(i for i, step in enumerate(plan.steps) if step.id == identity)


def _walk(plan: Plan, state: RolloutState, world: World, looks: int) -> tuple[RolloutState, list[tuple[Action, ...]]]:
    acted = []
    for look in range(looks):
        world.mend()
        world.pass_time(1.0)
        decision = decide(plan, state, world.seen(GOOD), (), 1000.0 + look, 1.0)
        state = decision.state
        acted.append(decision.actions)
        for action in decision.actions:
            world.act(action)
    return state, acted


def test_the_new_version_starts_only_once_the_closed_service_is_backed_up() -> None:
    plan = a_plan("big-bang", "low", 2, False)
    world = World.serving("old", 2, HOOKS)
    _, acted = _walk(plan, begin(plan, "old", Mode.FULL), world, 40)
    backed_up = next(i for i, actions in enumerate(acted) if any(_is_final(a) for a in actions))
    started = next(i for i, actions in enumerate(acted) if any(_starts_new(a) for a in actions))
    assert backed_up < started
    gone = [actions for actions in acted[: backed_up + 1] if any(_stops_old(a) for a in actions)]
    assert gone, "the old version, which could still write, has stopped before"
    assert not any(_is_final(a) for actions in acted[started:] for a in actions), "once, whatever happens later"


def test_without_that_backup_the_old_version_comes_back() -> None:
    plan = a_plan("big-bang", "low", 2, False)
    world = World.serving("old", 2, HOOKS)
    state = begin(plan, "old", Mode.FULL)
    while not any(name == step_ids.FINAL_BACKUP for name, _ in world.asked):
        state, _ = _walk(plan, state, world, 1)
    world.failing = True
    state, acted = _walk(plan, state, world, 1)
    assert state.status is Status.ROLLING_BACK
    assert "backup" in state.reason
    world.failing = False
    state, acted = _walk(plan, state, world, 40)
    assert state.status is Status.ROLLED_BACK
    assert not any(_starts_new(a) for actions in acted for a in actions)


@pytest.mark.parametrize("name", [step_ids.FINAL_BACKUP, step_ids.RESTORE])
def test_a_look_that_does_not_see_the_fleet_does_not_cut_off_a_backup_or_a_restore(name: str) -> None:
    """Whatever runs and is not asked for any more is ended; a restore that is ended halfway leaves nobody any data."""
    plan = a_plan("big-bang", "low", 2, False)
    state = RolloutState(new="new", old="old", step=_index(plan, step_ids.REPLACE))
    if name == step_ids.RESTORE:
        back = BigBangProgress(came_to=WayBack.STOPPED)
        state = replace(state, status=Status.ROLLING_BACK, progress=back)
    running = CheckResult(name, 1, CheckStatus.RUNNING)
    unseen = Observed(Split((("old", 1000),), closed=True), None, hooks=HOOKS, checks=(running,))
    assert [a.name for a in desired(plan, state, unseen) if isinstance(a, Check)] == [name]


@pytest.mark.parametrize("missing", [step_ids.CHECK_BACKUP, step_ids.RESTORE])
def test_a_restore_that_is_not_configured_does_not_pass_by_default(missing: str) -> None:
    both = {step_ids.CHECK_BACKUP, step_ids.RESTORE}
    (sentence,) = STRATEGIES[DeploymentStrategy.BIG_BANG].requires(Configured(checks=frozenset(both - {missing})))
    assert "backup" in sentence
    assert STRATEGIES[DeploymentStrategy.BIG_BANG].requires(Configured(checks=frozenset(both))) == ()


def _is_final(action: Action) -> bool:
    return isinstance(action, Check) and action.name == step_ids.FINAL_BACKUP


def _starts_new(action: Action) -> bool:
    return isinstance(action, Ensure) and action.version == "new" and action.count > 0


def _stops_old(action: Action) -> bool:
    return isinstance(action, Ensure) and action.version == "old" and action.count == 0


def test_a_backup_section_that_cannot_be_read_any_more_fails_its_checks() -> None:
    """A restore that nobody can make must not pass: the old version would start on what the new one left."""
    environment: JsonObject = {
        "fleet": {"kind": "process", "command": ["{version}", "{port}"], "count": 1},
        "router": {"kind": "envoy", "listen": "127.0.0.1:8080"},
        "metrics": {"kind": "envoy"},
        "backup": {"kind": "of-later", "database": "secret://env/A", "scratch": "secret://env/B"},
    }
    assert set(read_section(environment).lost_checks) == HOOKS
