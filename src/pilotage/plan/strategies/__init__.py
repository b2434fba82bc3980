"""What each strategy plans, a file each: its steps in their order, and what is particular to its way back (R12–R16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import Step
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import Numbers
from pilotage.plan.strategies import big_bang, blue_green, canary, feature_toggle, rolling

_STEPS: Mapping[DeploymentStrategy, Callable[[Numbers, int, frozenset[str]], Iterator[Step]]] = {
    DeploymentStrategy.BLUE_GREEN: blue_green.steps,
    DeploymentStrategy.CANARY: canary.steps,
    DeploymentStrategy.ROLLING: rolling.steps,
    DeploymentStrategy.BIG_BANG: big_bang.steps,
    DeploymentStrategy.FEATURE_TOGGLE: feature_toggle.steps,
}

_UNDOING: Mapping[DeploymentStrategy, Callable[[Numbers, int], Undoing]] = {
    DeploymentStrategy.BLUE_GREEN: blue_green.undoing,
    DeploymentStrategy.CANARY: canary.undoing,
    DeploymentStrategy.ROLLING: rolling.undoing,
    DeploymentStrategy.BIG_BANG: big_bang.undoing,
    DeploymentStrategy.FEATURE_TOGGLE: feature_toggle.undoing,
}


def steps_of(
    strategy: DeploymentStrategy, numbers: Numbers, full: int, checks: frozenset[str] = frozenset()
) -> tuple[Step, ...]:
    """Every step of a rollout to `full` instances. checks: that are configured, for steps that exist only with one."""
    return tuple(_STEPS[strategy](numbers, full, checks))


def undoing_of(strategy: DeploymentStrategy, numbers: Numbers, full: int) -> Undoing:
    """What is particular to the strategy's way back."""
    return _UNDOING[strategy](numbers, full)
