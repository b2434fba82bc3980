"""The stages of a continuous pipeline (R10), and what follows every release."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.answers import Answers, DeploymentStrategy, RiskTolerance
from pilotage.model.plan import Step, StepKind
from pilotage.model.schedule import Stage

_STAGES = (
    ("commit", "Commit", 0, 5, ("automated_tests", "code_quality_checks", "security_scanning")),
    ("build", "Build", 5, 15, ("compilation", "artifact_creation", "container_building")),
    ("deploy_staging", "Staging", 10, 20, ("environment_provisioning", "deployment", "smoke_tests")),
    ("automated_testing", "Automated testing", 15, 30, ("integration_tests", "e2e_tests", "performance_tests")),
)
_PRODUCTION_BAND = {DeploymentStrategy.CANARY: (30, 60), DeploymentStrategy.BLUE_GREEN: (10, 20)}
MINUTE = 60


def stages_of(answers: Answers, steps: tuple[Step, ...], tasks: Mapping[str, tuple[str, ...]]) -> tuple[Stage, ...]:
    """R10's pipeline; the production stage's estimate comes from the plan's own steps."""
    careful = answers.risk_tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME)
    stages = [
        Stage(
            name, title, least * MINUTE, most * MINUTE, None, activities,
            careful and name == "automated_testing", tasks.get(name, ()),
            "R10, C17" if careful and name == "automated_testing" else "R10",
        )
        for name, title, least, most, activities in _STAGES
    ]  # fmt: skip
    least, most = _PRODUCTION_BAND.get(answers.deployment_strategy, (20, 40))
    activities = (f"{answers.deployment_strategy}_deployment", "health_checks", "monitoring_validation")
    production = Stage(
        "production_deployment", "Production", least * MINUTE, most * MINUTE, until_everyone(steps), activities, False,
        tasks.get("production_deployment", ()), "R10",
    )  # fmt: skip
    return (*stages, production)


AFTERWARDS = (
    "post-deployment validation: every instance runs the new version and is healthy, and no limit was exceeded",
    "notify stakeholders of the release's id, status and duration",
)
ON_FAILURE = ("roll back as planned", "incident response: open the incident, notify people, document it")


def until_everyone(steps: tuple[Step, ...]) -> int | float:
    """Seconds of watching and waiting before every user has the release."""
    total: int | float = 0
    for step in steps:
        if step.weight == 1000 and step.kind in (StepKind.BAKE, StepKind.KEEP, StepKind.DRAIN, StepKind.RETIRE):
            break
        total += step.duration
    return total


def until_complete(steps: tuple[Step, ...]) -> float:
    """Seconds before the last watch of the release has ended, if nothing delays it."""
    until = next((n for n, step in enumerate(steps) if step.kind is StepKind.KEEP), len(steps))
    return float(sum(step.duration for step in steps[:until]))
