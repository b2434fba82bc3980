"""R12, R31: before any instance of the new version starts, its migrations must leave the old version what it uses."""

from __future__ import annotations

import pytest

from pilotage import Plan, Service
from pilotage.model.action import Ensure, Replace
from pilotage.model.rollout import Mode, Status
from pilotage.model.step_ids import CHECK_DATA, CHECK_SCHEMA, VERIFY
from pilotage.rollout.machine import begin, decide
from tests.plans import a_plan
from tests.unit.rollout.world import GOOD, World

HOOKS = frozenset({CHECK_SCHEMA, CHECK_DATA, VERIFY, "check-backup", "final-backup", "restore"})
STRATEGIES = ["canary", "blue-green", "rolling", "big-bang", "feature-toggle"]


def planned(strategy: str) -> Plan:
    return a_plan(strategy=strategy, service=Service(checks=HOOKS), instances=4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_schema_that_does_not_fit_is_found_before_the_new_version_starts(strategy: str) -> None:
    plan = planned(strategy)
    world, state = World.serving("old", 4, HOOKS), begin(plan, "old", Mode.FULL)
    world.failing = True
    for look in range(40):
        world.mend()
        world.pass_time(1.0)
        decision = decide(plan, state, world.seen(GOOD), (), 1000.0 + look, 1.0)
        state = decision.state
        for action in decision.actions:
            assert not (isinstance(action, Ensure) and action.version == "new" and action.count), action
            assert not isinstance(action, Replace), action
            world.act(action)
        world.failing = not state.reason  # what follows the refusal may pass
        if state.status.final:
            break
    assert state.status is Status.ROLLED_BACK
    assert state.reason.startswith("check failed: migrations")
    assert world.healthy("old") == 4
    assert CHECK_SCHEMA in {name for name, _ in world.asked}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_data_is_checked_once_the_new_version_runs_and_before_all_users_have_it(strategy: str) -> None:
    steps = [step.id for step in planned(strategy).steps]
    data = VERIFY if strategy == "big-bang" else CHECK_DATA
    assert steps.index(CHECK_SCHEMA) < steps.index(data)
    (found,) = [step for step in planned(strategy).steps if step.id == data]
    assert found.instances > 0
    assert found.weight_percent < 100 or strategy == "rolling"
    without = [step.id for step in a_plan(strategy=strategy).steps]
    assert CHECK_SCHEMA not in without
