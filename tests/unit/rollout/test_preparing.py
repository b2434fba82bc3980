"""R27: a version is brought to where it runs before anything changes, in every strategy and mode."""

from __future__ import annotations

import pytest

from pilotage import Service
from pilotage.model.action import Check
from pilotage.model.rollout import Mode, RolloutState, Status
from pilotage.model.step_ids import PREPARE
from pilotage.plan.numbers import BadOverride
from pilotage.rollout.machine import begin, decide, desired
from tests import plans

from .test_strategies_model import SHORT, Strategies, a_plan

MODES = [Mode.FULL, Mode.EMERGENCY, Mode.FAST_RETURN, Mode.INITIAL]


def started(strategy: str, mode: Mode) -> Strategies:
    machine = Strategies()
    machine.start(strategy, "low", mode, 4, False, 0, prepares=True)
    return machine


@pytest.mark.parametrize("strategy", sorted(SHORT))
@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_it_starts_and_the_old_version_serves_until_it_is_in_place(strategy: str, mode: Mode) -> None:
    machine = started(strategy, mode)
    machine.world.mend()
    before = dict(machine.world.fleet)
    for _ in range(5):
        seen = machine.world.seen(machine.verdicts)
        assert machine.plan.steps[machine.state.step].id == PREPARE
        assert Check(PREPARE, 1, "new") in desired(machine.plan, machine.state, seen)
        machine.look(0.0, None)  # no time passes, so the check does not end
    assert machine.world.fleet == before
    while machine.plan.steps[machine.state.step].id == PREPARE:
        machine.look(1.0, None)
    usual = a_plan(strategy, "low", 4, False)
    begins = usual.steps[begin(usual, machine.state.old, mode).step]
    assert machine.plan.steps[machine.state.step].id == begins.id
    machine.teardown()
    assert machine.state.status is Status.COMPLETED


@pytest.mark.parametrize("strategy", sorted(SHORT))
@pytest.mark.parametrize("mode", MODES)
def test_a_version_that_cannot_be_had_ends_the_rollout_and_changes_nothing(strategy: str, mode: Mode) -> None:
    machine = started(strategy, mode)
    machine.world.failing = True
    for _ in range(60):
        machine.world.mend()
        machine.look(1.0, None)
    state: RolloutState = machine.state
    assert state.status is (Status.FAILED if mode is Mode.INITIAL else Status.ROLLED_BACK)
    assert "the version is in place, ready to start: said so" in state.reason or mode is not Mode.FULL, state.reason
    assert machine.world.fleet["new"] == []
    assert len(machine.world.fleet.get("old", [])) == (0 if mode is Mode.INITIAL else 4)


def test_the_wait_for_it_ends() -> None:
    machine = started("canary", Mode.FULL)
    world = machine.world
    state, now = machine.state, 1000.0
    for _ in range(500):
        now += 5
        decision = decide(machine.plan, state, world.seen(machine.verdicts), (), now)
        state = decision.state  # nothing is done, so the check never ends
        if state.status.final:
            break
    assert state.status is Status.ROLLED_BACK
    assert "timed out after 30m" in state.reason


def test_the_deadline_can_be_set_where_a_fleet_prepares_and_nowhere_else() -> None:
    prepares = Service(prepares=True)
    plan = plans.a_plan({"prepare.timeout": "2h"}, service=prepares)
    assert (plan.steps[0].id, plan.steps[0].timeout) == (PREPARE, 7200)
    other = plans.a_plan({"prepare.timeout": "2h"})
    assert all(step.id != PREPARE for step in other.steps)
    assert all(setting.path != "prepare.timeout" for setting in other.settings)
    with pytest.raises(BadOverride, match="not a duration"):
        plans.a_plan({"prepare.timeout": "soon"}, service=prepares)
