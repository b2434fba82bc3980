"""What cannot be seen is not stopped: a fleet that has not answered yet may serve every user."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.model.action import Ensure
from pilotage.model.flag import OFF
from pilotage.model.observation import Health, Instance
from pilotage.model.rollout import Command, CommandKind, Mode, Observed, Status
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.machine import begin, decide, desired
from tests.unit.engine.test_abort_first import a_plan

STRATEGIES = ("canary", "blue-green", "rolling", "big-bang", "feature-toggle")
FULL = 4


def all_old() -> Observed:
    instances = tuple(Instance(f"old-{n}", "old", "h", n, Health.HEALTHY, 1) for n in range(FULL))
    endpoints = {"old": frozenset(("h", n) for n in range(FULL))}
    return Observed(Split((("old", WHOLE),)), instances, endpoints=endpoints)


@pytest.mark.parametrize("split", [None, Split((("old", WHOLE),))])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_abort_before_the_fleet_was_seen_stops_no_instance_that_serves(strategy: str, split: Split | None) -> None:
    """Rule 2: nothing stops that a request may reach."""
    plan = a_plan(strategy=strategy, instances=FULL)
    unseen = Observed(split, None)
    abort = Command(1, CommandKind.ABORT, "ada", "enough")
    decision = decide(plan, begin(plan, "old", Mode.FULL), unseen, (abort,), 1.0)
    assert decision.state.status is Status.ROLLING_BACK
    for actions in (decision.actions, desired(plan, decision.state, all_old())):
        fewer = [a for a in actions if isinstance(a, Ensure) and a.version == "old" and a.count < FULL]
        assert not fewer


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_new_controller_that_does_not_see_the_fleet_yet_stops_nothing(strategy: str) -> None:
    """At every step on the way forward, at a takeover: what runs is not known, so no number of it is asked for that is
    below what the step before had."""
    plan = a_plan(strategy=strategy, instances=FULL)
    state = begin(plan, "old", Mode.FULL)
    for step, what in enumerate(plan.steps):
        actions = desired(plan, replace(state, step=step), Observed(None, None))
        counts = {a.version: a.count for a in actions if isinstance(a, Ensure)}
        assert counts.get("old", FULL) == FULL, what.id
        assert counts.get("new", FULL) >= (plan.steps[step - 1].instances if step else 0), what.id


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_first_deployment_is_not_held_because_its_instances_are_still_starting(strategy: str) -> None:
    """There was nothing before that could have been healthy; the step's own deadline bounds the wait."""
    plan = a_plan(strategy=strategy, instances=FULL)
    state, starting = (
        begin(plan, None, Mode.INITIAL),
        tuple(Instance(f"new-{n}", "new", "h", n, Health.STARTING, 1) for n in range(FULL)),
    )
    for second in range(5):
        decision = decide(plan, state, Observed(None, starting, flag=OFF), (), float(second))
        assert decision.state.status is Status.PROGRESSING, (strategy, decision.state.reason)
        state = decision.state


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_r16_a_first_deployment_that_never_became_healthy_serves_nobody(strategy: str) -> None:
    """It may not count as deployed: the same version could never be deployed again after the cause is mended."""
    plan = a_plan(strategy=strategy, instances=FULL)
    dead = tuple(Instance(f"new-{n}", "new", "h", n, Health.EXITED) for n in range(FULL))
    state = begin(plan, None, Mode.INITIAL)
    for second in range(20):
        state = decide(plan, state, Observed(None, dead, flag=OFF), (), float(second)).state
    assert state.status is Status.FAILED, state.reason
    assert "no earlier version" in state.reason
