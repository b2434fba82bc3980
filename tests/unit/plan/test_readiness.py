"""What has to be ready, who owes it and when: the rows of R5 and R6 in their order."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pilotage import Service
from tests.plans import planned as plan


@pytest.mark.parametrize(
    ("tolerance", "unit", "integration"),
    [
        ("zero-downtime", "≥ 95 %", "≥ 90 %"),
        ("low", "≥ 90 %", "≥ 85 %"),
        ("medium", "≥ 80 %", "≥ 75 %"),
        ("high", "≥ 80 %", "≥ 75 %"),
    ],
)
def test_r5_coverage(tolerance: str, unit: str, integration: str) -> None:
    items = {item.id: item for item in plan(risk_tolerance=tolerance).readiness}
    assert items["unit_test_coverage"].requirement == unit
    assert items["integration_test_coverage"].requirement == integration


@pytest.mark.parametrize(
    ("group", "ids"),
    [
        (
            "code quality",
            "code_review_completion integration_test_coverage performance_benchmarks security_scan_passing "
            "static_analysis_passing unit_test_coverage",
        ),
        (
            "infrastructure",
            "alerting_configuration backup_procedures deployment_automation environment_parity "
            "monitoring_instrumentation rollback_mechanism",
        ),
        (
            "operations",
            "communication_plan incident_response_plan maintenance_window_scheduled runbook_documentation "
            "support_team_training",
        ),
        (
            "sign-off",
            "devops_approval engineering_signoff product_owner_approval qa_validation support_team_readiness",
        ),
    ],
)
def test_r5_r6_items_of_every_release(group: str, ids: str) -> None:
    found = [item for item in plan().readiness if item.group == group]
    assert sorted(item.id for item in found) == ids.split()
    assert all(item.evidence and item.requirement and item.blocking and item.owner for item in found)


@pytest.mark.parametrize(
    ("item", "owner", "wants", "phase"),
    [
        ("code_review_completion", "engineering lead", "100 %, reviewer ≠ author", "development_phase"),
        ("static_analysis_passing", "engineering lead", "no finding", "development_phase"),
        ("security_scan_passing", "security engineer", "no finding without a decision", "testing_phase"),
        ("performance_benchmarks", "QA lead", "within thresholds", "testing_phase"),
        ("environment_parity", "DevOps engineer", "production-like staging", "testing_phase"),
        ("deployment_automation", "DevOps engineer", "fully automated", "deployment_preparation"),
        ("monitoring_instrumentation", "DevOps engineer", "comprehensive", "deployment_preparation"),
        ("alerting_configuration", "DevOps engineer", "validated", "deployment_preparation"),
        ("backup_procedures", "DevOps engineer", "tested and verified", "deployment_preparation"),
        ("rollback_mechanism", "DevOps engineer", "automated and tested", "deployment_preparation"),
        ("runbook_documentation", "DevOps engineer", "current and comprehensive", "deployment_preparation"),
        ("support_team_training", "support lead", "completed", "deployment_preparation"),
        ("incident_response_plan", "DevOps engineer", "updated", "deployment_preparation"),
        ("communication_plan", "product owner", "approved by stakeholders", "deployment_preparation"),
        ("product_owner_approval", "product owner", "obtained", "deployment_preparation"),
        ("engineering_signoff", "engineering lead", "completed", "deployment_preparation"),
        ("qa_validation", "QA lead", "passed", "testing_phase"),
        ("devops_approval", "DevOps engineer", "confirmed", "deployment_preparation"),
        ("support_team_readiness", "support lead", "verified", "deployment_preparation"),
    ],
)
def test_r5_r6_who_owes_what_and_when(item: str, owner: str, wants: str, phase: str) -> None:
    (found,) = [requirement for requirement in plan().readiness if requirement.id == item]
    assert (found.owner, found.requirement, found.phase) == (owner, wants, phase)


@pytest.mark.parametrize(
    ("strategy", "tolerance", "wants"),
    [
        ("big-bang", "medium", "scheduled and communicated"),
        ("big-bang", "zero-downtime", "scheduled and communicated"),
        ("canary", "low", "none required"),
        ("blue-green", "zero-downtime", "none required"),
    ],
)
def test_r5_c16_a_window_when_something_closes_the_service_and_only_then(
    strategy: str, tolerance: str, wants: str
) -> None:
    items = {i.id: i for i in plan(deployment_strategy=strategy, risk_tolerance=tolerance).readiness}
    assert items["maintenance_window_scheduled"].requirement == wants


def test_r5_c16_a_migration_may_close_it_too() -> None:
    items = {item.id: item for item in plan(Service(downtime=True)).readiness}
    assert items["maintenance_window_scheduled"].requirement == "scheduled and communicated"


@pytest.mark.parametrize(
    ("stakeholder", "group", "ids"),
    [
        (
            "customer-facing",
            "customers",
            "feature_announcements release_notes support_documentation training_materials",
        ),
        (
            "enterprise",
            "enterprise",
            "business_stakeholder_signoff change_management_approval compliance_impact_assessment "
            "compliance_validation security_assessment",
        ),
        ("multi-tenant", "tenants", "tenant_notices tenant_waves"),
    ],
)
def test_r6_stakeholders_add_items_and_several_add_up(stakeholder: str, group: str, ids: str) -> None:
    for named in ([stakeholder], ["customer-facing", "enterprise", "multi-tenant"]):
        found = [item.id for item in plan(stakeholder_complexity=named).readiness if item.group == group]
        assert sorted(found) == ids.split()
    assert group not in {item.group for item in plan().readiness}


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({}, None),
        ({"release_type": "major"}, "release_type: major"),
        ({"release_type": "hotfix"}, "release_type: hotfix"),
        ({"risk_tolerance": "low"}, "risk_tolerance: low"),
        ({"risk_tolerance": "zero-downtime"}, "risk_tolerance: zero-downtime"),
        ({"risk_tolerance": "high"}, None),
        ({"stakeholder_complexity": "enterprise"}, "stakeholder_complexity: enterprise"),
        ({"stakeholder_complexity": "customer-facing"}, None),
    ],
)
def test_c17_an_approval_before_production(changes: dict[str, Any], because: str | None) -> None:
    notes = [item.note for item in plan(**changes).readiness if item.id == "production_approval"]
    assert notes == ([f"because of {because}"] if because else [])


def test_c18_a_small_team_may_hold_roles_jointly_and_it_says_so() -> None:
    jointly = [item.note for item in plan(team_size="small").readiness if item.id == "qa_validation"]
    assert "several roles" in jointly[0]
    assert "their own release" in jointly[0]
    assert not any("several roles" in item.note for item in plan(team_size="medium").readiness)


def test_c20_compliance_is_assessed_before_and_validated_after_testing() -> None:
    made = plan(release_type="major", stakeholder_complexity="enterprise", release_date=date(2027, 6, 16))
    due = {item.id: item.due for item in made.readiness}
    tested = next(phase.end for phase in made.timeline.phases if phase.id == "testing_phase")
    assert tested is not None
    assert due["compliance_impact_assessment"] is not None
    assert due["compliance_validation"] is not None
    assert due["compliance_impact_assessment"] < tested < due["compliance_validation"]
