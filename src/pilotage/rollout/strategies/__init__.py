"""The five strategies, a file each, in the order in which a rollout happens: start, forward, the way back."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import Plan
from pilotage.rollout.strategies.big_bang import BigBang
from pilotage.rollout.strategies.blue_green import BlueGreen
from pilotage.rollout.strategies.canary import Canary
from pilotage.rollout.strategies.feature_toggle import FeatureToggle
from pilotage.rollout.strategies.rolling import Rolling
from pilotage.rollout.turn import Strategy

STRATEGIES: Mapping[DeploymentStrategy, Strategy] = {
    DeploymentStrategy.CANARY: Canary(),
    DeploymentStrategy.BLUE_GREEN: BlueGreen(),
    DeploymentStrategy.ROLLING: Rolling(),
    DeploymentStrategy.BIG_BANG: BigBang(),
    DeploymentStrategy.FEATURE_TOGGLE: FeatureToggle(),
}


def strategy_of(plan: Plan) -> Strategy:
    """The strategy that executes a plan."""
    return STRATEGIES[plan.answers.deployment_strategy]
