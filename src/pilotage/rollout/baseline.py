"""A canary's baseline: as many fresh instances of the stable version as canaries, with as many requests.

Old instances have warm caches and a grown heap, so a comparison with them also measures age. Spinnaker's automated
canary analysis compares with instances of the same age (Graff & Sanden, "Automated Canary Analysis at Netflix with
Kayenta", 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pilotage.model.action import Action, Ensure
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.rollout import Mode, Observed, RolloutState
from pilotage.model.traffic import WHOLE, Split, baseline_of, instances_for
from pilotage.rollout.sight import alive, healthy, reachable
from pilotage.rollout.turn import FORWARD, Tick


def name(plan: Plan, old: str | None) -> str | None:
    """What the baseline's instances are called; None where the plan has none. plan: of a canary."""
    return baseline_of(old) if old and plan.setting("canary.baseline").value else None


def _compares(plan: Plan, step: Step) -> bool:
    """Whether a step's weight leaves stable at least as much as the canary and the baseline have each."""
    first = min(s.weight for s in plan.steps if s.weight)
    return 3 * max(step.weight, first) <= WHOLE


def _wanted(plan: Plan, state: RolloutState) -> str | None:
    named = name(plan, state.old)
    runs = state.status in FORWARD and state.mode is Mode.FULL
    return named if named and runs and _compares(plan, plan.steps[state.step]) else None


def desired(plan: Plan, state: RolloutState, seen: Observed) -> Iterator[Action]:
    """The number of its instances: as many as canaries while it is compared, none once its last requests have drained.
    Instances that a rollback leaves stop at its end, like those of any unknown version."""
    if named := _wanted(plan, state):
        yield Ensure(named, plan.steps[state.step].instances)
    elif (named := name(plan, state.old)) and state.status in FORWARD and alive(seen, named):
        watching = plan.steps[state.step].kind in (StepKind.ANALYSE, StepKind.BAKE)
        if watching and state.waited >= plan.number("canary.drain_duration") and not reachable(seen, named):
            yield Ensure(named, 0)


def ready(turn: Tick) -> bool:
    """Whether as many of it are healthy as the step has canaries."""
    named = _wanted(turn.plan, turn.state)
    return named is None or healthy(turn.seen, named) >= turn.step.instances


def beside(plan: Plan, state: RolloutState, seen: Observed, split: Split) -> Split:
    """The split with the baseline's requests taken from stable's; as it was while the baseline cannot carry them."""
    named, weight = _wanted(plan, state), split.weight(state.new)
    if named is None or state.old is None or not 0 < 3 * weight <= WHOLE:
        return split
    if healthy(seen, named) < instances_for(weight, plan.instances):
        return split
    weights = ((state.new, weight), (named, weight), (state.old, WHOLE - 2 * weight))
    return replace(split, weights=weights)
