"""R2, R12–R16: whether a deployment is the first one is planned, and asked again when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage import Plan
from pilotage.app.deploy import OutdatedPlan, deploy
from pilotage.app.known_risk import planned
from pilotage.app.plan import PlanRequest, retarget, what_if
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.config.loading import load
from pilotage.engine.records.queue import begin_what_waits
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Mode, Status
from tests.clock import FakeClock
from tests.unit.config.test_config import GOOD
from tests.unit.engine.test_store import ended


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setattr("pilotage.app.deploy.check_may_begin", lambda *_: None)
    monkeypatch.setattr("pilotage.app.deploy.check_ready", lambda *_: ())
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    with closing(Store(tmp_path / ".pilotage", clock=FakeClock())) as store:
        yield Project.of(load(tmp_path / "pilotage.yaml"), store)


def made(project: Project, version: str, *, as_update: bool = False) -> Plan:
    return planned(project, "production", PlanRequest(version, as_update=as_update))


def serve(project: Project, version: str) -> None:
    begun = deploy(project, "ada", DeployRequest(plan=made(project, version))).rollout
    assert begun is not None
    ended(project.store, begun)


def test_the_first_plan_knows_that_nothing_serves_and_the_next_one_what_serves(project: Project) -> None:
    first = made(project, "1.0")
    assert first.first
    assert first.watched == 0
    serve(project, "1.0")
    assert made(project, "1.0").hash == first.hash, "sign-offs of it stay valid"
    assert not made(project, "2.0").first


def test_while_the_first_version_rolls_out_the_next_one_is_no_first_deployment(project: Project) -> None:
    deploy(project, "ada", DeployRequest(plan=made(project, "1.0")))
    assert made(project, "1.0").first
    assert not made(project, "2.0").first


def test_a_first_deployment_is_refused_once_another_version_serves(project: Project) -> None:
    late = made(project, "2.0")
    serve(project, "1.0")
    words = "the plan is of a first deployment, and 1.0 serves production now: make it again with `pilotage plan 2.0"
    with pytest.raises(OutdatedPlan, match=words):
        deploy(project, "ada", DeployRequest(plan=late))
    with pytest.raises(OutdatedPlan, match=words):
        deploy(project, "ada", DeployRequest(plan=late, emergency_reason="it burns"))
    assert project.store.serving("shop", "production") == ("1.0",)


def test_and_while_another_version_rolls_out(project: Project) -> None:
    late = made(project, "2.0")
    deploy(project, "ada", DeployRequest(plan=made(project, "1.0")))
    with pytest.raises(OutdatedPlan, match=r"and 1\.0 rolls out in production now"):
        deploy(project, "ada", DeployRequest(plan=late, on_conflict="queue"))
    assert not project.store.queued("shop", "production")


def test_the_plan_of_an_update_is_refused_where_nothing_serves(project: Project) -> None:
    with pytest.raises(OutdatedPlan, match="the plan replaces a version, and none serves production"):
        deploy(project, "ada", DeployRequest(plan=made(project, "1.0", as_update=True)))
    assert project.store.newest("shop", "production") is None


def test_a_first_deployment_that_waited_never_replaces_a_version_unwatched(project: Project) -> None:
    """Such as one of a release of several services, whose environment got another version in the meantime."""
    plan = made(project, "2.0")
    serve(project, "1.0")
    state = replace(project.store.get(project.store.newest("shop", "production").id).state, status=Status.QUEUED)  # type: ignore[union-attr]
    waiting = project.store.create(
        plan, replace(state, new="2.0", old=None, mode=Mode.INITIAL, step=0), project.store.get(
            project.store.newest("shop", "production").id  # type: ignore[union-attr]
        ).snapshot, "ada", project.clock.now(), queued=True,
    )  # fmt: skip
    assert begin_what_waits(project.store, project.clock.now()) == ()
    after = project.store.get(waiting.id)
    assert after.state.status is Status.CANCELLED
    assert project.store.serving("shop", "production") == ("1.0",)


def test_other_answers_and_another_day_keep_it_a_first_deployment(project: Project) -> None:
    first, wish = made(project, "1.0"), PlanRequest("1.0", today=project.today)
    changes = what_if(project, "production", wish, first, ["deployment_strategy=rolling"])
    assert not [change for change in changes if change.what == "first deployment"]
    assert retarget(project, first, wish).plan.first
