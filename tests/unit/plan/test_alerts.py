"""A plan says of alerts what happens (R13, R20), and nothing of those that nobody asks for."""

from __future__ import annotations

import pytest

from pilotage import Answers, Plan, Service, make_plan
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import StepKind
from pilotage.plan.monitoring import NO_ALERT


def plan(strategy: str, *, minds_alerts: bool) -> Plan:
    answers = Answers("minor", strategy, "medium", "weekly", "medium", "customer-facing")
    return make_plan(answers, version="2.0.0", service=Service("shop", instances=4, minds_alerts=minds_alerts))


@pytest.mark.parametrize("strategy", DeploymentStrategy)
def test_only_with_someone_to_ask_a_step_needs_that_no_alert_fires(strategy: str) -> None:
    assert not any("alert" in need for step in plan(strategy, minds_alerts=False).steps for need in step.needs)
    needing = [step.kind for step in plan(strategy, minds_alerts=True).steps if NO_ALERT in step.needs]
    assert needing
    assert StepKind.ANALYSE not in needing
