"""Every value the requirements name, row by row, in their order: A–D, E's limits and alerts, F, G."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

import pytest

from pilotage import Answers, Calendar, Plan, Service, make_plan
from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.plan import Step, StepKind
from pilotage.model.schedule import Message, Phase
from pilotage.plan.numbers import Override

H, M = 3600, 60
USUAL: dict[str, Any] = {
    "release_type": "minor",
    "deployment_strategy": "canary",
    "team_size": "medium",
    "release_frequency": "monthly",
    "risk_tolerance": "medium",
    "stakeholders": "internal-only",
}


def plan(service: Service | None = None, release: date | None = None, **changes: Any) -> Plan:
    answers = Answers(**{**USUAL, **changes})
    return make_plan(answers, version="2.4.0", service=service, release_date=release)


# ── A. Answers ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (ReleaseType, "major minor patch hotfix feature-flag"),
        (DeploymentStrategy, "blue-green canary rolling big-bang feature-toggle"),
        (TeamSize, "small medium large distributed"),
        (ReleaseFrequency, "continuous weekly monthly quarterly"),
        (RiskTolerance, "low medium high zero-downtime"),
        (Stakeholder, "internal-only customer-facing enterprise multi-tenant"),
    ],
)
def test_r1_the_answers_are_these(kind: type[StrEnum], allowed: str) -> None:
    assert list(kind) == allowed.split()


# ── B. Readiness ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "scope", "impact", "planning", "execution"),
    [
        ("major", "breaking changes", "high", "4–8 weeks", "2–4 weeks"),
        ("minor", "without breaking changes", "medium", "2–4 weeks", "1–2 weeks"),
        ("patch", "fixes", "low", "1–2 weeks", "1 week"),
        ("hotfix", "critical fix", "critical", "1–3 days", "same day"),
        ("feature-flag", "progressive rollout", "variable", "1–2 weeks", "continuous"),
    ],
)
def test_r4_planning_facts(kind: str, scope: str, impact: str, planning: str, execution: str) -> None:
    facts = plan(release_type=kind).facts
    assert scope in facts.scope
    assert facts.impact.startswith(impact)
    assert (facts.planning, facts.execution) == (planning, execution)


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
    assert items["unit_test_coverage"].wants == unit
    assert items["integration_test_coverage"].wants == integration


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
    assert all(item.evidence and item.wants and item.blocking and item.owner for item in found)


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
    assert (found.owner, found.wants, found.phase) == (owner, wants, phase)


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
    assert items["maintenance_window_scheduled"].wants == wants


def test_r5_c16_a_migration_may_close_it_too() -> None:
    items = {item.id: item for item in plan(Service(downtime=True)).readiness}
    assert items["maintenance_window_scheduled"].wants == "scheduled and communicated"


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
        found = [item.id for item in plan(stakeholders=named).readiness if item.group == group]
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
        ({"stakeholders": "enterprise"}, "stakeholders: enterprise"),
        ({"stakeholders": "customer-facing"}, None),
    ],
)
def test_c17_an_approval_before_production(changes: dict[str, Any], because: str | None) -> None:
    notes = [item.note for item in plan(**changes).readiness if item.id == "production_approval"]
    assert notes == ([f"because of {because}"] if because else [])


def test_c18_a_small_team_may_hold_roles_jointly_and_it_says_so() -> None:
    jointly = [item.note for item in plan(team_size="small").readiness if item.id == "qa_validation"]
    assert "held jointly" in jointly[0]
    assert any("C18" in note for note in plan(team_size="small").notes)
    assert not any("C18" in note for note in plan(team_size="medium").notes)


def test_c20_compliance_is_assessed_before_and_validated_after_testing() -> None:
    made = plan(release_type="major", stakeholders="enterprise", release=date(2027, 6, 16))
    due = {item.id: item.due for item in made.readiness}
    tested = next(phase.end for phase in made.timeline.phases if phase.id == "testing_phase")
    assert tested is not None
    assert due["compliance_impact_assessment"] is not None
    assert due["compliance_validation"] is not None
    assert due["compliance_impact_assessment"] < tested < due["compliance_validation"]


# ── C. Timeline ────────────────────────────────────────────────────────────────────────────────────────────────

PLANNING, DEVELOPMENT, TESTING = "planning_phase", "development_phase", "testing_phase"
PREPARATION, EXECUTION = "deployment_preparation", "deployment_execution"


@pytest.mark.parametrize(
    ("requirement", "kind", "strategy", "phase", "shortest", "longest"),
    [
        ("R9", "major", "blue-green", PLANNING, 20, 30),
        ("R9", "major", "blue-green", DEVELOPMENT, 40, 60),
        ("R9", "major", "blue-green", TESTING, 15, 20),
        ("R9", "major", "blue-green", PREPARATION, 5, 10),
        ("R9", "major", "blue-green", EXECUTION, 1, 2),
        ("R9", "major", "canary", EXECUTION, 3, 5),
        ("R9", "major", "rolling", EXECUTION, 2, 3),
        ("R9", "major", "big-bang", EXECUTION, 2, 3),
        ("R9", "major", "feature-toggle", EXECUTION, 2, 3),
        ("R9", "minor", "canary", PLANNING, 10, 15),
        ("R9", "minor", "canary", DEVELOPMENT, 20, 30),
        ("R9", "minor", "canary", TESTING, 5, 10),
        ("R9", "minor", "canary", PREPARATION, 3, 5),
        ("R9", "minor", "canary", EXECUTION, 1, 2),
        ("R9", "patch", "canary", PLANNING, 5, 10),
        ("R9", "patch", "canary", DEVELOPMENT, 5, 15),
        ("R9", "patch", "canary", TESTING, 3, 5),
        ("R9", "patch", "canary", EXECUTION, 1, 1),
        ("R4 C5", "hotfix", "rolling", PLANNING, 1, 3),
        ("R4 C5", "hotfix", "rolling", EXECUTION, 1, 1),
        ("R4 C5", "feature-flag", "feature-toggle", PLANNING, 5, 10),
        ("R4 C5", "feature-flag", "feature-toggle", EXECUTION, 1, 1),
    ],
)
def test_r9_phases_in_open_days(
    requirement: str, kind: str, strategy: str, phase: str, shortest: int, longest: int
) -> None:
    made = plan(release_type=kind, deployment_strategy=strategy)
    (found,) = [p for p in made.timeline.phases if p.id == phase]
    assert (found.shortest, found.longest) == (shortest, longest)
    assert requirement.split()[0] in ("R9", "R4")


@pytest.mark.parametrize(
    ("kind", "phases"),
    [
        ("major", [PLANNING, DEVELOPMENT, TESTING, PREPARATION, EXECUTION]),
        ("minor", [PLANNING, DEVELOPMENT, TESTING, PREPARATION, EXECUTION]),
        ("patch", [PLANNING, DEVELOPMENT, TESTING, EXECUTION]),
        ("hotfix", [PLANNING, EXECUTION]),
        ("feature-flag", [PLANNING, EXECUTION]),
    ],
)
@pytest.mark.parametrize("frequency", ["weekly", "monthly", "quarterly"])
def test_r9_the_phases_of_a_type(kind: str, phases: list[str], frequency: str) -> None:
    made = plan(release_type=kind, release_frequency=frequency)
    assert [phase.id for phase in made.timeline.phases] == phases
    assert made.timeline.stages == ()


def phase_of(kind: str, phase: str) -> Phase:
    return next(p for p in plan(release_type=kind).timeline.phases if p.id == phase)


@pytest.mark.parametrize(
    ("kind", "phase", "activities"),
    [
        ("major", PLANNING, "requirements_finalization architecture_review risk_assessment resource_allocation stakeholder_alignment"),
        ("major", DEVELOPMENT, "feature_development unit_testing code_reviews integration_testing documentation_updates"),
        ("major", TESTING, "system_testing user_acceptance_testing performance_testing security_testing regression_testing"),
        ("major", PREPARATION, "deployment_script_testing rollback_procedure_validation monitoring_setup communication_preparation final_stakeholder_approval"),
        ("major", EXECUTION, "pre_deployment_checklist production_deployment post_deployment_validation stakeholder_notification documentation_finalization"),
        ("minor", PLANNING, "feature_scoping technical_design resource_planning timeline_confirmation"),
        ("minor", DEVELOPMENT, "feature_implementation unit_testing integration_testing code_reviews"),
        ("minor", TESTING, "system_testing user_acceptance_testing regression_testing"),
        ("minor", PREPARATION, "deployment_validation communication_preparation stakeholder_approval"),
        ("minor", EXECUTION, "production_deployment validation communication"),
        ("patch", PLANNING, "bug_analysis fix_scoping risk_assessment"),
        ("patch", DEVELOPMENT, "bug_fixes unit_testing code_reviews"),
        ("patch", TESTING, "targeted_testing regression_testing"),
        ("patch", EXECUTION, "deployment validation communication"),
    ],
)  # fmt: skip
def test_r9_activities(kind: str, phase: str, activities: str) -> None:
    assert phase_of(kind, phase).activities == tuple(activities.split())


@pytest.mark.parametrize(
    ("phase", "milestones"),
    [
        (PLANNING, "Requirements finalized; Architecture approved; Risk assessment completed; Go/No-go decision made"),
        (DEVELOPMENT, "Feature freeze; Code complete; Unit tests passing; Code reviews completed"),
        (TESTING, "System testing complete; UAT sign-off; Performance validation; Security clearance"),
        (PREPARATION, "Deployment scripts validated; Rollback procedures tested; Communication plan approved; Final stakeholder sign-off"),
        (EXECUTION, "Production deployment complete; Health checks passing; Stakeholders notified; Post-deployment review scheduled"),
    ],
)  # fmt: skip
def test_r9_milestones(phase: str, milestones: str) -> None:
    assert "; ".join(milestone.title for milestone in phase_of("major", phase).milestones) == milestones


def test_c21_milestones_of_a_phase_that_is_missing_come_due_in_the_one_before() -> None:
    titles = [milestone.title for milestone in phase_of("patch", TESTING).milestones]
    assert titles[:4] == ["System testing complete", "UAT sign-off", "Performance validation", "Security clearance"]
    assert titles[4:] == [milestone.title for milestone in phase_of("major", PREPARATION).milestones]


@pytest.mark.parametrize(
    ("stage", "least", "most", "activities"),
    [
        ("commit", 0, 5, "automated_tests code_quality_checks security_scanning"),
        ("build", 5, 15, "compilation artifact_creation container_building"),
        ("deploy_staging", 10, 20, "environment_provisioning deployment smoke_tests"),
        ("automated_testing", 15, 30, "integration_tests e2e_tests performance_tests"),
        ("production_deployment", 30, 60, "canary_deployment health_checks monitoring_validation"),
    ],
)
def test_r10_stages(stage: str, least: int, most: int, activities: str) -> None:
    made = plan(release_frequency="continuous")
    assert made.timeline.phases == ()
    (found,) = [s for s in made.timeline.stages if s.id == stage]
    assert (found.least, found.most) == (least * M, most * M)
    assert found.activities == tuple(activities.split())


def test_r10_the_stages_in_their_order_and_what_follows() -> None:
    timeline = plan(release_frequency="continuous").timeline
    assert [s.id for s in timeline.stages] == [
        "commit", "build", "deploy_staging", "automated_testing", "production_deployment",
    ]  # fmt: skip
    assert any("validation" in line for line in timeline.afterwards)
    assert any("id, status and duration" in line for line in timeline.afterwards)
    assert any("rollback" in line for line in timeline.on_failure)
    assert any("incident" in line for line in timeline.on_failure)


@pytest.mark.parametrize(
    ("strategy", "least", "most"),
    [("canary", 30, 60), ("blue-green", 10, 20), ("rolling", 20, 40), ("big-bang", 20, 40), ("feature-toggle", 20, 40)],
)
def test_r10_the_production_band(strategy: str, least: int, most: int) -> None:
    production = plan(release_frequency="continuous", deployment_strategy=strategy).timeline.stages[-1]
    assert (production.least, production.most) == (least * M, most * M)


@pytest.mark.parametrize(
    ("tolerance", "approval"), [("low", True), ("zero-downtime", True), ("medium", False), ("high", False)]
)
def test_r10_c17_approval_after_automated_testing(tolerance: str, approval: bool) -> None:
    stages = plan(release_frequency="continuous", risk_tolerance=tolerance).timeline.stages
    assert [stage.approval for stage in stages] == [False, False, False, approval, False]


@pytest.mark.parametrize(
    ("strategy", "tolerance", "estimate", "noted"),
    [
        ("canary", "low", 72 * H, True),
        ("canary", "medium", 12 * H, True),
        ("canary", "high", 3 * H, True),
        ("blue-green", "low", 0, False),
        ("rolling", "medium", 4 * 2 * M, False),
        ("rolling", "low", 4 * 5 * M, False),
        ("feature-toggle", "high", 5 * H, True),
    ],
)
def test_r10_c8_the_estimate_is_the_steps_own_and_the_band_is_shown(
    strategy: str, tolerance: str, estimate: int, noted: bool
) -> None:
    made = plan(
        Service(instances=4), release_frequency="continuous", deployment_strategy=strategy, risk_tolerance=tolerance
    )
    assert made.timeline.stages[-1].estimate == estimate
    assert any("(C8)" in note for note in made.notes) == noted


@pytest.mark.parametrize(
    ("kind", "frequency", "length", "in_flight", "smallest"),
    [
        ("major", "weekly", 125, 25, ""),
        ("major", "quarterly", 125, 2, ""),
        ("minor", "monthly", 62, 3, "quarterly"),
        ("minor", "quarterly", 62, 1, "quarterly"),
        ("patch", "weekly", 31, 7, "quarterly"),
        ("hotfix", "weekly", 4, 1, "weekly"),
        ("feature-flag", "monthly", 11, 1, "monthly"),
    ],
)
def test_c13_trains_that_overlap(kind: str, frequency: str, length: int, in_flight: int, smallest: str) -> None:
    strategy = "blue-green" if kind == "hotfix" else "feature-toggle" if kind == "feature-flag" else "canary"
    made = plan(release_type=kind, release_frequency=frequency, deployment_strategy=strategy)
    trains = made.timeline.trains
    assert trains is not None
    assert (trains.length, trains.in_flight, trains.smallest_cadence) == (length, in_flight, smallest)
    assert any("(C13)" in note for note in made.notes) == (in_flight > 1)


# ── D. Strategies ──────────────────────────────────────────────────────────────────────────────────────────────


def steps(strategy: str, instances: int = 4, tolerance: str = "medium") -> tuple[Step, ...]:
    return plan(Service(instances=instances), deployment_strategy=strategy, risk_tolerance=tolerance).steps


def test_r12_blue_green_step_by_step() -> None:
    found = [(step.kind, step.weight, step.activities) for step in steps("blue-green")]
    assert found == [
        (StepKind.SCALE, 0, ("deploy_to_inactive_environment",)),
        (StepKind.CHECK, 0, ("validate_green_environment_health",)),
        (StepKind.CHECK, 0, ("synchronize_database_state",)),
        (StepKind.CHECK, 0, ("warm_up_application_caches",)),
        (StepKind.CHECK, 0, ("verify_monitoring_systems",)),
        (StepKind.CHECK, 0, ("run_smoke_tests_on_green",)),
        (StepKind.CHECK, 0, ("execute_health_checks",)),
        (StepKind.CHECK, 0, ("validate_application_functionality",)),
        (StepKind.SWITCH, 1000, ("switch_traffic_to_green",)),
        (StepKind.BAKE, 1000, ("monitor_application_metrics", "validate_user_experience")),
        (StepKind.KEEP, 1000, ("keep_blue_environment_ready",)),
        (StepKind.DRAIN, 1000, ()),
        (StepKind.RETIRE, 1000, ("schedule_blue_environment_cleanup",)),
    ]


@pytest.mark.parametrize(
    ("requirement", "strategy", "tolerance", "path", "value"),
    [
        ("R12", "blue-green", "medium", "rollback.deadline", 30),
        ("R12", "blue-green", "medium", "blue_green.watch_duration", 4 * H),
        ("R12", "blue-green", "low", "blue_green.watch_duration", 24 * H),
        ("R18", "blue-green", "low", "limits.error_rate", 0.01),
        ("R12 C2", "blue-green", "medium", "limits.error_rate", 0.01),
        ("R12 C2", "blue-green", "high", "limits.error_rate", 0.01),
        ("R18", "blue-green", "zero-downtime", "limits.error_rate", 0.001),
        ("R18", "blue-green", "low", "limits.latency_factor", 1.2),
        ("R18", "blue-green", "medium", "limits.latency_factor", 1.5),
        ("R12 C2", "blue-green", "high", "limits.latency_factor", 1.5),
        ("R13", "canary", "medium", "canary.weights", (50, 250, 500, 1000)),
        ("R13", "canary", "low", "canary.phase_duration", 24 * H),
        ("R13", "canary", "medium", "canary.phase_duration", 4 * H),
        ("R13", "canary", "high", "canary.phase_duration", 1 * H),
        ("R13", "canary", "zero-downtime", "canary.phase_duration", 24 * H),
        ("C22", "canary", "low", "canary.bake_duration", 24 * H),
        ("C22", "canary", "medium", "canary.bake_duration", 4 * H),
        ("C22", "canary", "high", "canary.bake_duration", 1 * H),
        ("R13", "canary", "medium", "advance.error_rate", 0.001),
        ("R13", "canary", "medium", "advance.p95", 0.5),
        ("R13", "canary", "medium", "advance.satisfaction", 0.95),
        ("R13", "canary", "medium", "rollback.deadline", 120),
        ("R14", "rolling", "low", "rolling.batch", "1"),
        ("R14", "rolling", "medium", "rolling.batch", "25%"),
        ("R14", "rolling", "high", "rolling.batch", "50%"),
        ("R14", "rolling", "zero-downtime", "rolling.batch", "1"),
        ("R14", "rolling", "low", "rolling.max_unavailable", "1"),
        ("R14", "rolling", "medium", "rolling.max_unavailable", "25%"),
        ("R14", "rolling", "high", "rolling.max_unavailable", "25%"),
        ("R14", "rolling", "zero-downtime", "rolling.max_unavailable", "0"),
        ("R14", "rolling", "low", "rolling.wait", 5 * M),
        ("R14", "rolling", "medium", "rolling.wait", 2 * M),
        ("R14", "rolling", "high", "rolling.wait", 2 * M),
        ("R14", "rolling", "zero-downtime", "rolling.wait", 5 * M),
        ("R14", "rolling", "medium", "rolling.health_timeout", 30),
        ("R16", "feature-toggle", "medium", "toggle.percentages", (50, 250, 500, 1000)),
        ("R16", "feature-toggle", "medium", "rollback.deadline", 30),
        ("R18", "canary", "low", "limits.error_rate", 0.01),
        ("R18", "canary", "medium", "limits.error_rate", 0.05),
        ("R18", "canary", "high", "limits.error_rate", 0.10),
        ("R18", "canary", "zero-downtime", "limits.error_rate", 0.001),
        ("R18", "canary", "low", "limits.latency_factor", 1.2),
        ("R18", "canary", "medium", "limits.latency_factor", 1.5),
        ("R18", "canary", "high", "limits.latency_factor", 2),
        ("R18", "canary", "zero-downtime", "limits.latency_factor", 1.05),
        ("R18", "canary", "low", "limits.rollback_auto", True),
        ("R18", "canary", "medium", "limits.rollback_auto", False),
        ("R18", "canary", "high", "limits.rollback_auto", False),
        ("R18", "canary", "zero-downtime", "limits.rollback_auto", True),
        ("C22", "canary", "medium", "canary.holdback", 0),
        ("R13", "canary", "medium", "canary.ramp", False),
        ("R13", "canary", "medium", "canary.reaction_time", 0),
        ("the judge", "rolling", "low", "success_criteria.min_latency_difference", 0.01),
        ("the judge", "rolling", "low", "success_criteria.min_latency_share", 0.10),
        ("the judge", "blue-green", "high", "judge.second_try", True),
        ("R20", "canary", "medium", "alerts.success_rate", 0.99),
        ("R20", "canary", "medium", "alerts.canary_health", 0.9),
    ],
)
def test_numbers_are_those_of_the_requirement(
    requirement: str, strategy: str, tolerance: str, path: str, value: object
) -> None:
    setting = plan(deployment_strategy=strategy, risk_tolerance=tolerance).setting(path)
    assert setting.value == value
    assert requirement.split()[0] in setting.source


@pytest.mark.parametrize(
    ("strategy", "instances", "tolerance", "batches", "surge"),
    [
        ("rolling", 8, "low", [1, 2, 3, 4, 5, 6, 7, 8], False),
        ("rolling", 8, "medium", [2, 4, 6, 8], False),
        ("rolling", 8, "high", [2, 4, 6, 8], False),  # C7: 50 % shrinks to the 25 % that may be unavailable
        ("rolling", 8, "zero-downtime", [1, 2, 3, 4, 5, 6, 7, 8], True),
        ("rolling", 10, "medium", [2, 4, 6, 8, 10], False),
        ("rolling", 3, "medium", [1, 2, 3], True),  # a quarter of three is none
        ("rolling", 1, "low", [1], True),
        ("rolling", 1, "high", [1], True),
        ("rolling", 2, "low", [1, 2], False),
    ],
)
def test_r14_c7_batches(strategy: str, instances: int, tolerance: str, batches: list[int], surge: bool) -> None:
    found = [step for step in steps(strategy, instances, tolerance) if step.kind is StepKind.BATCH]
    assert [step.instances for step in found] == batches
    assert all(("beside the old" in step.title) == surge for step in found)
    least = instances if surge else instances - max(b - a for a, b in zip([0, *batches], batches, strict=False))
    assert all(f"{least} of {instances} instances stay healthy" in step.needs[0] for step in found)
    assert least >= 1


def test_r14_c7_a_batch_smaller_than_what_may_be_spared_stays_small() -> None:
    service = Service(instances=8, overrides={"rolling.max_unavailable": Override("50%", "here")})
    found = [s.instances for s in plan(service, deployment_strategy="rolling").steps if s.kind is StepKind.BATCH]
    assert found == [2, 4, 6, 8]
    one = Service(instances=8, overrides={"rolling.max_unavailable": Override(1, "here")})
    assert sum(s.kind is StepKind.BATCH for s in plan(one, deployment_strategy="rolling").steps) == 8


def test_r14_rolling_step_by_step() -> None:
    found = steps("rolling")
    assert [step.activities[0] for step in found if step.kind is StepKind.CHECK] == [
        "validate_deployment_package",
        "ensure_minimum_healthy_instances",
        "prepare_rollback_artifacts",
        "verify_all_instances_healthy",
        "validate_application_functionality",
    ]
    first, *_, last = (step for step in found if step.kind is StepKind.BATCH)
    assert first.activities == (
        "select_next_batch_of_instances",
        "drain_traffic_from_selected_instances",
        "deploy_new_version_to_batch",
        "run_health_checks_on_batch",
        "restore_traffic_to_healthy_instances",
        "wait_for_batch_stabilization",
        "repeat_until_all_instances_updated",
    )
    assert last.activities == first.activities[:-1]
    assert first.duration == 2 * M
    assert first.deadline == 10 + 30 + 2 * M
    assert found[-1].activities == ("monitor_overall_system_health",)


def test_r14_walking_back_may_take_as_long_as_its_batches() -> None:
    few = plan(Service(instances=4), deployment_strategy="rolling")
    many = plan(Service(instances=400), deployment_strategy="rolling", risk_tolerance="low")
    assert few.rollback.deadline == 30 * M
    assert many.rollback.deadline == 400 * (10 + 30)


def test_r15_big_bang_step_by_step() -> None:
    found = [(step.id, step.kind, step.weight, step.downtime) for step in steps("big-bang")]
    assert found == [
        ("check-window", StepKind.CHECK, 0, False),
        ("check-backup", StepKind.CHECK, 0, False),
        ("check-way-back", StepKind.CHECK, 0, False),
        ("close", StepKind.MAINTENANCE, 0, True),
        ("replace", StepKind.REPLACE, 0, True),
        ("verify", StepKind.CHECK, 0, True),
        ("open", StepKind.MAINTENANCE, 1000, False),
        ("bake-100%", StepKind.BAKE, 1000, False),
    ]
    assert "backup is restored" in " ".join(plan(deployment_strategy="big-bang").rollback.moves)


def test_r16_feature_toggle_step_by_step() -> None:
    found = [(step.kind, step.weight, step.audience, step.activities) for step in steps("feature-toggle")]
    ramp, watch = StepKind.FLAG_RAMP, StepKind.ANALYSE
    assert found == [
        (StepKind.SCALE, 0, "", ("feature-toggle_deployment",)),
        (StepKind.CHECK, 0, "", ("kill_switches",)),
        (ramp, 0, "internal users", ("internal_testing",)),
        (watch, 0, "internal users", ()),
        (ramp, 0, "beta users", ("beta_testing",)),
        (watch, 0, "beta users", ()),
        (ramp, 50, "", ("gradual_rollout",)),
        (watch, 50, "", ()),
        (ramp, 250, "", ("gradual_rollout",)),
        (watch, 250, "", ()),
        (ramp, 500, "", ("gradual_rollout",)),
        (watch, 500, "", ()),
        (ramp, 1000, "", ("full_release",)),
        (StepKind.BAKE, 1000, "", ()),
    ]


@pytest.mark.parametrize(
    ("strategy", "moves", "first"),
    [
        ("blue-green", 5, "all requests back to the old environment"),
        ("canary", 3, "all requests to stable"),
        ("rolling", 3, "no further batch begins"),
        ("big-bang", 4, "the maintenance page is on"),
        ("feature-toggle", 2, "the flag is off for everyone"),
    ],
)
def test_r12_r16_c15_each_strategy_is_undone_in_its_own_way_traffic_first(
    strategy: str, moves: int, first: str
) -> None:
    rollback = plan(deployment_strategy=strategy).rollback
    assert len(rollback.moves) == moves
    assert rollback.moves[0].startswith(first)
    assert not any("told" in move for move in rollback.moves[:1])


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        ("low", "users return at once, and it is rolled back"),
        ("medium", "users return at once, then a person decides within 15m, or it is rolled back"),
        ("high", "users return at once, then a person decides within 30m, or it is rolled back"),
        ("zero-downtime", "users return at once, and it is rolled back"),
    ],
)
def test_c1_harm_takes_users_back_at_once_and_rollback_auto_says_what_follows(tolerance: str, words: str) -> None:
    for strategy in ("canary", "feature-toggle"):
        triggers = plan(deployment_strategy=strategy, risk_tolerance=tolerance).rollback.triggers
        assert triggers[0].endswith("at once (R18, C1)")
        assert all(trigger.partition(": ")[2].startswith(words) for trigger in triggers[2:5])


def test_c1_where_nobody_can_return_the_next_batch_does_not_begin() -> None:
    careful, usual = (
        plan(deployment_strategy="rolling", risk_tolerance=t).rollback.triggers for t in ("low", "medium")
    )
    assert "no further batch begins, the updated instances walk back at once" in careful[2]
    assert "no further batch begins, then a person decides within 15m, or it is rolled back" in usual[2]


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling", "big-bang", "feature-toggle"])
def test_what_has_only_the_past_to_be_compared_with_is_never_undone_by_itself(strategy: str) -> None:
    triggers = plan(deployment_strategy=strategy).rollback.triggers
    past = [trigger for trigger in triggers if "in the past" in trigger]
    assert past
    assert all("a person is asked, nothing is undone by itself" in trigger for trigger in past)
    assert triggers[-1].endswith("a pause, or completed unwatched, never a rollback (rule 5)")


def test_r21_what_follows_a_rollback() -> None:
    then = plan().rollback.then
    assert [line.split(":")[0] for line in then] == [
        "at once", "at once", "within 24 hours", "within 5 working days", "before the next release",
    ]  # fmt: skip


# ── E. Limits, health, alerts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("metric", "limit"),
    [
        ("application_error_rate", "limits.error_rate"),
        ("response_time_p95", "limits.latency_factor"),
        ("memory_utilization", "limits.memory_factor"),
        ("cpu_utilization", "limits.cpu_factor"),
        ("database_connection_pool", "limits.pool_used"),
        ("external_service_latency", "limits.external_latency_factor"),
        ("user_session_health", "limits.session_loss"),
        ("business_conversion_rate", "limits.conversion_loss"),
    ],
)
def test_r19_health_metrics(metric: str, limit: str) -> None:
    made = plan(Service(measured={"application_error_rate": "envoy"}))
    (found,) = [health for health in made.health if health.id == metric]
    assert found.limit == limit
    assert made.setting(limit)
    assert found.provided_by == ("envoy" if metric == "application_error_rate" else "")
    assert len(made.health) == 8


@pytest.mark.parametrize(
    ("strategy", "tolerance", "alert", "limit", "severity", "action"),
    [
        ("canary", "medium", "high_error_rate", 0.05, "critical", "immediate_rollback"),
        ("canary", "low", "high_error_rate", 0.01, "critical", "immediate_rollback"),
        ("blue-green", "medium", "high_error_rate", 0.01, "critical", "immediate_rollback"),
        ("canary", "medium", "performance_degradation", 1.5, "warning", "investigation_required"),
        ("canary", "high", "performance_degradation", 2, "warning", "investigation_required"),
        ("canary", "medium", "low_success_rate", 0.99, "warning", "deployment_pause"),
        ("canary", "medium", "canary_health_check_failed", 0.9, "critical", "stop_canary_rollout"),
        ("rolling", "medium", "no_data", 15 * M, "warning", "hold"),
    ],
)
def test_r20_c2_alerts_have_the_limits_of_the_plan(
    strategy: str, tolerance: str, alert: str, limit: float, severity: str, action: str
) -> None:
    made = plan(deployment_strategy=strategy, risk_tolerance=tolerance)
    (found,) = [rule for rule in made.alerts if rule.id == alert]
    assert (found.limit, found.severity, found.action) == (limit, severity, action)
    assert made.setting(found.limit_from).value == limit
    if severity == "critical":
        assert found.channels == ("slack", "email", "pagerduty", "teams")


@pytest.mark.parametrize(
    ("strategy", "tolerance", "present"),
    [
        ("canary", "medium", True),
        ("canary", "high", True),
        ("canary", "low", False),
        ("canary", "zero-downtime", False),
        ("blue-green", "high", False),
    ],
)
def test_c24_one_event_has_one_alert(strategy: str, tolerance: str, present: bool) -> None:
    made = plan(deployment_strategy=strategy, risk_tolerance=tolerance)
    assert ("low_success_rate" in {rule.id for rule in made.alerts}) == present
    assert any("(C24)" in note for note in made.notes) != present


def test_r20_the_canarys_health_is_the_canarys_alone() -> None:
    rules = {
        strategy: {rule.id for rule in plan(deployment_strategy=strategy).alerts} for strategy in DeploymentStrategy
    }
    assert [name for name in rules if "canary_health_check_failed" in rules[name]] == ["canary"]


# ── F. Communication ───────────────────────────────────────────────────────────────────────────────────────────


def message(identity: str, **changes: Any) -> Message:
    return next(m for m in plan(**changes).communication if m.id == identity)


@pytest.mark.parametrize(
    ("requirement", "stakeholder", "identity", "audience", "lead"),
    [
        ("R22", "customer-facing", "release_announcement", "customers", "7 working days before full exposure"),
        ("R22", "customer-facing", "documentation_updates", "customers", "7 working days before full exposure"),
        ("R22", "customer-facing", "webinar_scheduling", "customers", "7 working days before full exposure"),
        ("R22", "customer-facing", "support_team_briefing", "support", "7 working days before full exposure"),
        ("R22", "customer-facing", "status_page_start", "customers", "at the start of the rollout"),
        ("R22", "customer-facing", "status_page_done", "customers", "at full exposure"),
        ("C19", "customer-facing", "social_media", "customers", "at full exposure"),
        ("C19", "customer-facing", "in_app_notification", "customers", "at full exposure"),
        ("C19", "customer-facing", "customer_success_outreach", "key accounts", "at full exposure"),
        ("C19", "customer-facing", "release_notes_publication", "customers", "at full exposure"),
        ("C19", "customer-facing", "release_notes_amended", "customers", "1 working day after full exposure"),
        ("R22", "customer-facing", "success_metrics", "customers", "1 working day after full exposure"),
        ("R22", "customer-facing", "customer_feedback", "customers", "1 working day after full exposure"),
        ("R22", "customer-facing", "follow_up_webinar", "customers", "1 working day after full exposure"),
        ("R22", "enterprise", "executive_briefing", "executives", "48 hours before the start of the rollout"),
        ("R22", "enterprise", "executive_confirmation", "executives", "24 hours after full exposure"),
        ("R22", "enterprise", "it_leadership_briefing", "IT leadership", "5 working days before full exposure"),
        ("R22", "enterprise", "it_leadership_report", "IT leadership", "1 working day after full exposure"),
        ("R22", "enterprise", "end_user_guides", "end users", "3 working days before full exposure"),
        ("R22", "enterprise", "end_user_feedback", "end users", "3 working days after full exposure"),
        ("C20", "enterprise", "compliance_impact", "compliance", "10 working days before full exposure"),
        ("C20", "enterprise", "compliance_report", "compliance", "1 working day after full exposure"),
        ("C9", "internal-only", "internal_notice", "internal teams", "3 working days before full exposure"),
        ("C9", "internal-only", "internal_start", "internal teams", "at the start of the rollout"),
        ("C9", "internal-only", "internal_done", "internal teams", "1 working day after full exposure"),
        ("C9", "multi-tenant", "tenant_wave_notice", "tenants", "7 working days before full exposure"),
        ("C9", "multi-tenant", "tenant_wave_start", "tenants of the wave", "at the start of the rollout"),
        ("C9", "multi-tenant", "tenant_wave_done", "tenants of the wave", "at full exposure"),
        ("R21", "internal-only", "rollback_notice", "everyone told of the release", "at a rollback"),
    ],
)
def test_r22_messages(requirement: str, stakeholder: str, identity: str, audience: str, lead: str) -> None:
    found = message(identity, stakeholders=stakeholder)
    assert (found.audience, str(found.lead)) == (audience, lead)
    assert requirement in found.source
    assert found.draft
    assert found.owner
    assert found.channel
    assert found.due is None


@pytest.mark.parametrize(
    ("stakeholder", "count"),
    [("internal-only", 4), ("customer-facing", 15), ("enterprise", 9), ("multi-tenant", 4)],
)
def test_r22_that_is_all_of_them(stakeholder: str, count: int) -> None:
    assert len(plan(stakeholders=stakeholder).communication) == count


def test_r22_the_executive_summary_has_impact_and_downtime() -> None:
    usual = message("executive_briefing", stakeholders="enterprise").draft
    assert "Business impact: Medium" in usual
    none = message("executive_briefing", stakeholders="enterprise", risk_tolerance="zero-downtime").draft
    assert "Downtime: None" in none
    closed = message("executive_briefing", stakeholders="enterprise", deployment_strategy="big-bang").draft
    assert "Downtime: up to 2h" in closed


def test_r22_days_are_working_days_never_later_than_due_and_hours_are_instants() -> None:
    made = plan(stakeholders=["customer-facing", "enterprise"], release=date(2027, 3, 17))
    assert made.release_date == date(2027, 3, 17)
    due = {m.id: m.due for m in made.communication}
    assert due["release_announcement"] == date(2027, 3, 8)
    assert due["compliance_impact"] == date(2027, 3, 3)
    assert due["end_user_guides"] == date(2027, 3, 12)
    assert due["success_metrics"] == date(2027, 3, 18)
    at = {m.id: m.at for m in made.communication}
    begins, exposed = made.waves[0].begins, made.waves[-1].begins
    assert at["executive_briefing"] is not None
    assert (begins - at["executive_briefing"]).total_seconds() == 48 * H
    assert at["executive_confirmation"] is not None
    assert (at["executive_confirmation"] - exposed).total_seconds() == 24 * H
    assert at["release_announcement"] is None


@pytest.mark.parametrize(
    ("identity", "stakeholder", "rule", "lead"),
    [
        ("compliance_impact", "enterprise", "told at the decision", "at the decision to release"),
        ("it_leadership_briefing", "enterprise", "told at the decision", "at the decision to release"),
        ("end_user_guides", "enterprise", "told right after", "at full exposure"),
        ("release_announcement", "customer-facing", "told at the start", "at the start of the rollout"),
        ("support_team_briefing", "customer-facing", "told at the decision", "at the decision to release"),
        ("tenant_wave_notice", "multi-tenant", "told at the decision", "at the decision to release"),
        ("internal_notice", "internal-only", "told at the decision", "at the decision to release"),
    ],
)
def test_c11_a_hotfix_catches_up_by_audience(identity: str, stakeholder: str, rule: str, lead: str) -> None:
    found = message(identity, stakeholders=stakeholder, release_type="hotfix", deployment_strategy="rolling")
    assert found.catch_up is not None
    assert (found.catch_up.rule, str(found.lead)) == (rule, lead)
    assert "on record" in found.catch_up.waiver
    assert "C11" in found.source


def test_c11_a_lead_that_has_passed_is_replaced_and_one_that_has_not_is_kept() -> None:
    answers = Answers(**{**USUAL, "stakeholders": ["enterprise"]})
    phases = ["planning_phase", "development_phase", "testing_phase", "deployment_preparation"]
    made = make_plan(
        answers, version="1", release_date=date(2027, 3, 17), today=date(2027, 3, 12), done=phases, calendar=Calendar()
    )
    found = {m.id: m for m in made.communication}
    assert found["compliance_impact"].catch_up is not None
    assert found["compliance_impact"].catch_up.missed_due == date(2027, 3, 3)
    assert found["compliance_impact"].due == date(2027, 3, 12)
    assert found["end_user_guides"].catch_up is None
    assert found["end_user_guides"].due == date(2027, 3, 12)


# ── G. Learning ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("frequency", "timing", "due"),
    [
        ("continuous", "weekly", date(2027, 3, 19)),
        ("weekly", "after each release", date(2027, 3, 19)),
        ("monthly", "monthly", date(2027, 3, 31)),
        ("quarterly", "monthly", date(2027, 3, 31)),
    ],
)
def test_r25_when(frequency: str, timing: str, due: date) -> None:
    retro = plan(release_frequency=frequency, release=date(2027, 3, 17)).retrospective
    assert (retro.timing, retro.due) == (timing, due)
    assert "within 5 working days of any rollback" in retro.after_rollback


@pytest.mark.parametrize(
    ("frequency", "release", "due"),
    [("continuous", date(2027, 3, 19), date(2027, 3, 26)), ("monthly", date(2027, 3, 31), date(2027, 4, 30))],
)
def test_r25_a_slot_on_the_day_of_the_release_is_too_early(frequency: str, release: date, due: date) -> None:
    assert plan(release_frequency=frequency, release=release).retrospective.due == due


@pytest.mark.parametrize(
    ("size", "minutes", "agenda"),
    [
        ("small", 60, [5, 15, 10, 10, 10, 5, 5]),
        ("medium", 90, [5, 20, 15, 20, 15, 10, 5]),
        ("large", 120, [5, 30, 20, 25, 20, 15, 5]),
        ("distributed", 120, [5, 30, 20, 25, 20, 15, 5]),
    ],
)
def test_r25_c12_the_agenda_fills_its_slot(size: str, minutes: int, agenda: list[int]) -> None:
    retro = plan(team_size=size).retrospective
    assert retro.minutes == minutes
    assert [item.minutes for item in retro.agenda] == agenda
    assert sum(agenda) == minutes
    assert [item.id for item in retro.agenda] == [
        "opening", "release_review", "what_went_well", "what_could_improve", "action_items", "process_improvements",
        "closing",
    ]  # fmt: skip
    assert any(item.asynchronous for item in retro.agenda) == (size == "distributed")


def test_r25_who() -> None:
    retro = plan().retrospective
    assert retro.required == ("engineering lead", "DevOps engineer", "product manager", "QA lead")
    assert retro.optional == ("customer success manager", "support lead", "security engineer", "business stakeholder")


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("deployment_success_rate", "> 99 %"),
        ("deployment_duration", "trend"),
        ("rollback_frequency", "< 5 %"),
        ("mean_time_to_recovery", "< 30 min"),
        ("bug_escape_rate", "< 2 %"),
        ("customer_reported_issues", "trend"),
        ("performance_regressions", "0"),
        ("security_vulnerabilities", "0"),
        ("team_satisfaction", "survey"),
        ("knowledge_sharing", "trend"),
        ("skill_development", "trend"),
        ("process_adherence", "trend"),
    ],
)
def test_r25_targets(target: str, wanted: str) -> None:
    assert {t.id: t.wanted for t in plan().retrospective.targets}[target] == wanted


def test_r26_actions() -> None:
    retro = plan().retrospective
    assert [field.split(":")[0] for field in retro.action_fields] == [
        "description", "owner", "due date", "success criterion", "priority",
    ]  # fmt: skip
    assert [line.split(":")[0] for line in retro.follow_up] == ["weekly", "monthly", "quarterly", "yearly"]


def test_an_override_reaches_steps_alerts_and_rollback() -> None:
    service = Service(overrides={"limits.error_rate": Override("2%", "pilotage.yaml:9")})
    made = plan(service)
    assert next(rule.limit for rule in made.alerts if rule.id == "high_error_rate") == 0.02
    assert "error rate above 2%" in made.rollback.triggers[0]
