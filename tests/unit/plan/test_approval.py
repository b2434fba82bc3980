"""C17: which releases a person must approve before any user has them, and where that stands in the plan."""

from __future__ import annotations

import itertools

import pytest

from pilotage import Service
from pilotage.model.answers import DeploymentStrategy, ReleaseType, RiskTolerance, Stakeholder
from pilotage.model.plan import Plan, StepKind
from tests.plans import overrides, planned

EXPOSING = {StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP, StepKind.MAINTENANCE}


def gates(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps if step.kind is StepKind.GATE]


@pytest.mark.parametrize(
    ("kind", "tolerance", "stakeholder"), list(itertools.product(ReleaseType, RiskTolerance, Stakeholder))
)
def test_c17_major_hotfix_low_zero_downtime_and_enterprise_need_an_approval_and_no_other(
    kind: ReleaseType, tolerance: RiskTolerance, stakeholder: Stakeholder
) -> None:
    plan = planned(release_type=kind, risk_tolerance=tolerance, stakeholder_complexity=stakeholder)
    strict = (
        kind in (ReleaseType.MAJOR, ReleaseType.HOTFIX)
        or tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME)
        or stakeholder is Stakeholder.ENTERPRISE
    )
    assert gates(plan) == (["approve-production"] if strict else [])
    assert plan.setting("approval.required").value is strict


@pytest.mark.parametrize("strategy", DeploymentStrategy)
def test_c17_it_is_asked_for_before_any_user_has_the_release_in_every_strategy(strategy: DeploymentStrategy) -> None:
    steps = planned(deployment_strategy=strategy, risk_tolerance="low").steps
    gate = next(i for i, step in enumerate(steps) if step.id == "approve-production")
    assert gate < next(i for i, step in enumerate(steps) if step.kind in EXPOSING)
    assert steps[gate].weight == 0
    assert steps[gate].timeout == 24 * 3600


def test_c18_enterprise_wants_a_business_stakeholder_and_the_plan_says_why() -> None:
    plan = planned(stakeholder_complexity="enterprise")
    role = plan.setting("approval.role")
    assert (role.value, role.source) == ("business-stakeholder", "stakeholder_complexity: enterprise (C17)")
    (gate,) = (step for step in plan.steps if step.kind is StepKind.GATE)
    assert gate.needs == ("a business stakeholder other than the author",)
    assert plan.setting("approval.required").source == "stakeholder_complexity: enterprise (R10, C17)"


def test_an_approval_of_each_weight_does_not_ask_twice_for_the_first() -> None:
    each = Service(overrides=overrides({"canary.require_approval": True}))
    assert gates(planned(each, risk_tolerance="low")) == [
        "approve-production", "approve-25%", "approve-50%", "approve-100%",
    ]  # fmt: skip
    switch = Service(overrides=overrides({"blue_green.require_approval": True}))
    assert gates(planned(switch, deployment_strategy="blue-green", risk_tolerance="low")) == ["approve-production"]
    assert gates(planned(switch, deployment_strategy="blue-green")) == ["approve-switch"]


def test_where_releases_are_rehearsed_nobody_is_asked() -> None:
    plan = planned(Service(environment="staging", rehearses=True), release_type="major", risk_tolerance="low")
    assert gates(plan) == []
    assert plan.setting("approval.required").source == "readiness.staging"


def test_a_team_can_ask_always_or_never() -> None:
    assert gates(planned(Service(overrides=overrides({"approval.required": True})))) == ["approve-production"]
    assert gates(planned(Service(overrides=overrides({"approval.required": False})), release_type="major")) == []
