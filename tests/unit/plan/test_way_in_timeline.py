"""R10, R33: where a way is configured, the timeline shows its stages, and every task has its place in one."""

from __future__ import annotations

from pilotage import Service
from pilotage.model.way import AwaitStage, Entry, EnvironmentStage, RunStage, WayStage
from pilotage.plan.stages import band_of
from tests.plans import planned

WAY: tuple[WayStage, ...] = (
    AwaitStage(name="ci", section={"kind": "github"}),
    RunStage(name="package", commands=(("make",),), artifacts=("dist/*",), title="Package"),
    EnvironmentStage(name="staging", environments=("staging",)),
    RunStage(name="e2e", commands=(("make", "e2e"),), tests="staging"),
    EnvironmentStage(name="live", environments=("production",), entry=Entry(approvals=1)),
)


def test_the_configured_stages_stand_for_those_of_the_requirement() -> None:
    plain = planned(release_frequency="continuous")
    plan = planned(Service("shop", "production", way=WAY), release_frequency="continuous")
    stages = plan.timeline.stages
    assert [stage.id for stage in stages] == ["ci", "package", "staging", "e2e", "live"]
    assert [(s.shortest // 60, s.longest // 60) for s in stages] == [(0, 5), (5, 15), (10, 20), (15, 30), (30, 60)]
    assert [stage.approval for stage in stages] == [False, False, False, True, False]
    assert [stage.estimate is not None for stage in stages] == [False, False, False, False, True]
    assert stages[1].title == "Package"

    def tasks(timeline_stages: tuple[object, ...]) -> list[str]:
        return sorted(task for stage in timeline_stages for task in getattr(stage, "tasks"))  # noqa: B009

    assert tasks(stages) == tasks(plain.timeline.stages), "C21: every gate keeps its task"
    due = {item.id: item.due for item in plain.readiness}
    assert {item.id: item.due for item in plan.readiness} == due


def test_tasks_of_stages_that_nobody_configured_come_before_production() -> None:
    plain = planned(release_frequency="continuous")
    plan = planned(Service("shop", "production", way=WAY[-1:]), release_frequency="continuous")
    [live] = plan.timeline.stages
    assert sorted(live.tasks) == sorted(task for stage in plain.timeline.stages for task in stage.tasks)


def test_a_stage_is_known_by_its_work() -> None:
    from pilotage.model.answers import DeploymentStrategy

    waves = (*WAY[:3], EnvironmentStage(name="canary", environments=("eu",)), WAY[4])
    names = [band_of(waves, index, DeploymentStrategy.BLUE_GREEN).name for index in range(5)]
    assert names == ["commit", "build", "deploy_staging", "deploy_staging", "production_deployment"]
    assert band_of(waves, 4, DeploymentStrategy.BLUE_GREEN).most == 20 * 60
