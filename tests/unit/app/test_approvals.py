"""C17, C18: sign-offs that count as approvals, and a release that nobody could approve."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage import Plan
from pilotage.app.approvals import approved_already, nobody_can
from pilotage.app.deploy import deploy
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.preconditions import PlanStopped
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest, SignOffRequest
from pilotage.app.signoffs import sign_off
from pilotage.config.loading import load
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Status
from pilotage.model.schedule import hyphened
from tests.unit.config.test_config import GOOD
from tests.unit.engine.test_store import ended

PEOPLE = """
people:
  ada: {roles: [release manager]}
  grace: {roles: [release manager]}
  linus: {roles: [business stakeholder]}
"""
LOW = GOOD.replace("risk_tolerance: medium", "risk_tolerance: low").replace(", enterprise]", "]")


def project(folder: Path, text: str) -> tuple[Project, Plan]:
    """Where 1.0 serves, and the plan of 2.0."""
    path = folder / "pilotage.yaml"
    path.write_text(text)
    loaded = load(path)
    it = Project.of(loaded, Store(folder / "state"))
    first = plan_for(loaded, "production", PlanRequest("1.0", first=True))
    begun = deploy(it, "ada", DeployRequest(plan=first)).rollout
    if begun is not None:
        ended(it.store, begun)
    return it, plan_for(loaded, "production", PlanRequest("2.0"))


def test_a_sign_off_of_this_plan_by_another_person_is_an_approval(tmp_path: Path) -> None:
    it, plan = project(tmp_path, LOW + PEOPLE)
    assert approved_already(it, "ada", plan) == ()
    for person in ("ada", "grace"):
        sign_off(it, person, SignOffRequest(plan=plan, role="release-manager"))
    assert approved_already(it, "ada", plan) == ("grace",), "ada starts it"
    assert approved_already(it, "linus", plan) == ("ada", "grace")
    other = plan_for(it.loaded, "production", PlanRequest("2.1"))
    assert approved_already(it, "linus", other) == ()
    started = deploy(it, "ada", DeployRequest(plan=plan))
    assert started.rollout is not None
    assert started.rollout.state.signed == ("grace",)
    assert started.rollout.state.status is Status.PROGRESSING


def test_enterprise_takes_the_word_of_a_business_stakeholder_alone(tmp_path: Path) -> None:
    it, plan = project(tmp_path, GOOD + PEOPLE)
    assert str(plan.setting("approval.role").value) == hyphened("business stakeholder")
    sign_off(it, "grace", SignOffRequest(plan=plan, role="release-manager"))
    assert approved_already(it, "ada", plan) == ()
    sign_off(it, "linus", SignOffRequest(plan=plan, role="business-stakeholder"))
    assert approved_already(it, "ada", plan) == ("linus",)


def test_what_nobody_could_approve_does_not_start(tmp_path: Path) -> None:
    alone = LOW + "people:\n  ada: {roles: [release manager]}\n"
    it, plan = project(tmp_path, alone)
    refusal = r"must be approved by a person other than ada, and pilotage\.yaml:\d+ has none"
    with pytest.raises(PlanStopped, match=refusal):
        deploy(it, "ada", DeployRequest(plan=plan))
    assert nobody_can(it, "grace", plan) == "", "ada can"
    assert it.store.serving("shop", "production") == ("1.0",)
    assert not it.store.active()
    free, plan = project(tmp_path, LOW)
    assert nobody_can(free, "ada", plan) == "", "anybody can where no people are named"
