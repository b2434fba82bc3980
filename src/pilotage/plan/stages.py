"""The stages of a continuous pipeline (R10), and what follows every release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.answers import Answers, DeploymentStrategy, RiskTolerance
from pilotage.model.plan import Step, StepKind
from pilotage.model.schedule import Stage
from pilotage.model.way import AwaitStage, EnvironmentStage, RunStage, WayStage

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


@dataclass(frozen=True, kw_only=True)
class Band:
    """The stage of R10's pipeline that a configured one is, and how long that usually takes: seconds."""

    name: str
    least: int
    most: int
    activities: tuple[str, ...]


def band_of(stages: Sequence[WayStage], index: int, strategy: DeploymentStrategy) -> Band:
    """By its work: the last environment is production, another one staging; what tests an environment is automated
    testing, what makes artifacts the build, and everything else a check of the commit."""
    stage = stages[index]
    last = max((n for n, one in enumerate(stages) if isinstance(one, EnvironmentStage)), default=-1)
    match stage:
        case EnvironmentStage() if index == last:
            least, most = _PRODUCTION_BAND.get(strategy, (20, 40))
            activities = (f"{strategy}_deployment", "health_checks", "monitoring_validation")
            return Band(name="production_deployment", least=least * MINUTE, most=most * MINUTE, activities=activities)
        case EnvironmentStage():
            return _band("deploy_staging")
        case RunStage() | AwaitStage() if stage.tests:
            return _band("automated_testing")
        case RunStage() if stage.artifacts or stage.images:
            return _band("build")
        case _:
            return _band("commit")


def _band(name: str) -> Band:
    _, _, least, most, activities = next(one for one in _STAGES if one[0] == name)
    return Band(name=name, least=least * MINUTE, most=most * MINUTE, activities=activities)


def stages_of_way(
    answers: Answers, steps: tuple[Step, ...], tasks: Mapping[str, tuple[str, ...]], way: Sequence[WayStage],
    environment: str,
) -> tuple[Stage, ...]:  # fmt: skip
    """The configured stages in place of R10's, each with the usual time and the tasks of the one that it is. Tasks of a
    stage that nobody configured go to the next one. environment: the plan's, whose steps are the estimate."""
    bands = [band_of(way, index, answers.deployment_strategy) for index in range(len(way))]
    given = _tasks_by_stage([band.name for band in bands], tasks)
    stages = []
    for index, (stage, band) in enumerate(zip(way, bands, strict=True)):
        here = isinstance(stage, EnvironmentStage) and environment in stage.environments
        approved = index + 1 < len(way) and way[index + 1].entry.approvals > 0
        stages.append(
            Stage(
                stage.name, stage.title or stage.name, band.least, band.most, until_everyone(steps) if here else None,
                band.activities, approved, given[index], stage.source or "way",
            )
        )  # fmt: skip
    return tuple(stages)


def _tasks_by_stage(bands: Sequence[str], tasks: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()] * len(bands)
    rank = {name: number for number, name in enumerate(STAGE_IDS)}
    for name in STAGE_IDS:
        if not tasks.get(name):
            continue
        same = [index for index, band in enumerate(bands) if band == name]
        later = [index for index, band in enumerate(bands) if rank[band] > rank[name]]
        index = same[-1] if same else later[0] if later else len(bands) - 1
        found[index] = (*found[index], *tasks[name])
    return found


STAGE_IDS = (*(name for name, *_ in _STAGES), "production_deployment")
"""R10's stages, in order."""

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
