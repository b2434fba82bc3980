"""What the keeper of a finished rollout does until the old version need not stay ready any more, and after it (R27)."""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.observation import Health
from pilotage.model.plan import Plan
from pilotage.model.rollout import RolloutState
from pilotage.model.warm import warm_until
from pilotage.rollout.machine import desired

from .world import GOOD, World


def outlive_warmth(world: World, plan: Plan, state: RolloutState) -> None:
    """Of a plan that keeps the old version warm: all of its instances stay, also one that dies, and then stop."""
    until = warm_until(plan, state)
    if until is None:
        return
    world.fleet["old"][0].health = Health.EXITED
    _kept(world, plan, state, until - 1)
    assert world.healthy("old") == len(world.fleet["old"]) == plan.instances
    _kept(world, plan, state, until)
    assert world.fleet["old"] == []


def _kept(world: World, plan: Plan, state: RolloutState, at: float) -> None:
    for _ in range(3):
        for action in desired(plan, state, replace(world.seen(GOOD), at=at)):
            world.act(action)
        world.mend()
