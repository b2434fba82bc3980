"""R2: the plan of a first deployment has the steps that the rollout takes, and no other, with every strategy."""

from __future__ import annotations

import pytest

from pilotage.model.events import StepStarted, parse
from pilotage.model.rollout import Mode, Status
from pilotage.rollout.machine import begin, decide

from .test_strategies_model import SHORT, Strategies, a_plan


def walked(strategy: str, full: int, *, first: bool, prepares: bool = False) -> tuple[Strategies, list[str]]:
    """A first deployment in a world that works, and the ids of the steps that it told of."""
    machine, told = Strategies(), []
    machine.start(strategy, "low", Mode.INITIAL, full, False, 0, gated=first, prepares=prepares, first=first)
    told.append(machine.plan.steps[machine.state.step].id)
    for _ in range(200):
        machine.world.mend()
        machine.now += 1.0
        machine.world.pass_time(1.0)
        decision = decide(machine.plan, machine.state, machine.world.seen(machine.verdicts), (), machine.now)
        machine.state = decision.state
        for event in decision.events:
            what = parse(event.type, event.data)
            if isinstance(what, StepStarted):
                told.append(what.step)
        for action in decision.actions:
            machine.world.act(action)
        if machine.state.status.final:
            break
    return machine, told


@pytest.mark.parametrize("prepares", [False, True])
@pytest.mark.parametrize("full", [1, 4])
@pytest.mark.parametrize("strategy", SHORT)
def test_the_rollout_takes_every_step_of_the_plan_and_waits_for_nobody(
    strategy: str, full: int, prepares: bool
) -> None:  # fmt: skip
    machine, told = walked(strategy, full, first=True, prepares=prepares)
    assert machine.state.status is Status.COMPLETED, machine.state
    assert told == [step.id for step in machine.plan.steps]
    assert not [step for step in machine.plan.steps if step.duration or step.judged or step.mirror]


@pytest.mark.parametrize("strategy", SHORT)
def test_it_takes_the_same_steps_as_an_update_without_an_earlier_version(strategy: str) -> None:
    """Such as one that waited behind a first deployment that failed."""
    _, first = walked(strategy, 4, first=True)
    _, update = walked(strategy, 4, first=False)
    assert first == [step for step in update if not step.startswith("flag-") or step == "flag-100%"]


def test_the_plan_of_a_first_deployment_replaces_nothing() -> None:
    plan = a_plan("canary", "low", 4, False, first=True)
    with pytest.raises(ValueError, match="the plan is of a first deployment, and old serves"):
        begin(plan, "old", Mode.FULL)
