"""Phases, their activities and milestones, trains and stages: the rows of R9 and R10 in their order."""

from __future__ import annotations

import pytest

from pilotage import Service
from pilotage.model.schedule import Phase, open_days
from tests.plans import planned as plan

H, M = 3600, 60
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
        (
            "major",
            PLANNING,
            "requirements_finalization architecture_review risk_assessment resource_allocation stakeholder_alignment",
        ),
        (
            "major",
            DEVELOPMENT,
            "feature_development unit_testing code_reviews integration_testing documentation_updates",
        ),
        (
            "major",
            TESTING,
            "system_testing user_acceptance_testing performance_testing security_testing regression_testing",
        ),
        (
            "major",
            PREPARATION,
            "deployment_script_testing rollback_procedure_validation monitoring_setup communication_preparation "
            "final_stakeholder_approval",
        ),
        (
            "major",
            EXECUTION,
            "pre_deployment_checklist production_deployment post_deployment_validation stakeholder_notification "
            "documentation_finalization",
        ),
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
)
def test_r9_activities(kind: str, phase: str, activities: str) -> None:
    assert [activity.id for activity in phase_of(kind, phase).activities] == activities.split()


@pytest.mark.parametrize(
    ("phase", "milestones"),
    [
        (PLANNING, "Requirements finalized; Architecture approved; Risk assessment completed; Go/No-go decision made"),
        (DEVELOPMENT, "Feature freeze; Code complete; Unit tests passing; Code reviews completed"),
        (TESTING, "System testing complete; UAT sign-off; Performance validation; Security clearance"),
        (
            PREPARATION,
            "Deployment scripts validated; Rollback procedures tested; Communication plan approved; "
            "Final stakeholder sign-off",
        ),
        (
            EXECUTION,
            "Production deployment complete; Health checks passing; Stakeholders notified; "
            "Post-deployment review scheduled",
        ),
    ],
)
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
    assert (found.shortest, found.longest) == (least * M, most * M)
    assert found.activities == tuple(activities.split())


def test_r10_the_stages_in_their_order_and_what_follows() -> None:
    timeline = plan(release_frequency="continuous").timeline
    assert [s.id for s in timeline.stages] == [
        "commit", "build", "deploy_staging", "automated_testing", "production_deployment",
    ]  # fmt: skip
    assert any("validation" in line for line in timeline.afterwards)
    assert any("id, status and duration" in line for line in timeline.afterwards)
    assert any("roll back" in line for line in timeline.on_failure)
    assert any("incident" in line for line in timeline.on_failure)


@pytest.mark.parametrize(
    ("strategy", "least", "most"),
    [("canary", 30, 60), ("blue-green", 10, 20), ("rolling", 20, 40), ("big-bang", 20, 40), ("feature-toggle", 20, 40)],
)
def test_r10_the_production_band(strategy: str, least: int, most: int) -> None:
    production = plan(release_frequency="continuous", deployment_strategy=strategy).timeline.stages[-1]
    assert (production.shortest, production.longest) == (least * M, most * M)


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
    assert any("this plan's steps" in note for note in made.notes) == noted


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
    assert any("overlap; to avoid that" in note for note in trains.overlap) == (in_flight > 1)


def test_a_span_of_open_days_reads_as_people_say_it() -> None:
    assert [open_days(*span) for span in ((1, 1), (4, 4), (1, 2))] == ["1 open day", "4 open days", "1–2 open days"]
