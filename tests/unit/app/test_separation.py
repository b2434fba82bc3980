"""R13, R34: the author is a person, whatever name, token or chat they use; machines approve nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pilotage import Service
from pilotage.adapters.slack_callback import Pressed
from pilotage.app.access.chat import refusal_of
from pilotage.app.chat import answer
from pilotage.app.commands import approver_of
from pilotage.app.permissions import Permission, Thing, may
from pilotage.app.project import Project
from pilotage.engine.records import audit
from pilotage.engine.records.store import Store
from pilotage.model.access import Grant, HolderKind
from pilotage.model.actor import ActorKind
from pilotage.model.rollout import CommandKind, Mode
from pilotage.model.snapshot import KnownPerson, Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.web.site import CONFIG

PEOPLE = """\
people:
  ada: {roles: [release manager], aliases: [ada.l, "slack:U1"]}
  bob: {roles: [release manager], aliases: ["slack:U2"]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pilotage.yaml").write_text(CONFIG + PEOPLE)
    return Project(tmp_path / "pilotage.yaml", "shop")


def _rollout(store: Store, author: str) -> str:
    plan = a_plan(version="2.4.0", service=Service(name="shop", environment="production"))
    people = {"ada": KnownPerson(roles=(), aliases=("slack:U1",)), "bob": KnownPerson(roles=(), aliases=("slack:U2",))}
    state = begin(plan, "2.3.1", Mode.FULL, author)
    return store.create(plan, state, Snapshot(people=people), author, time.time()).id


@pytest.mark.parametrize(("author", "asks", "counts_as"), [
    ("ada", "ada.l", "ada"),
    ("ada", "slack:U1", "ada"),
    ("ada.l", "ada", "ada.l"),
    ("ada.l", "slack:U1", "ada.l"),
    ("ada", "bob", "bob"),
    ("ada", "slack:U2", "bob"),
])  # fmt: skip
def test_r13_every_name_of_the_author_is_the_author(project: Project, author: str, asks: str, counts_as: str) -> None:
    rollout = project.store.look_up(_rollout(project.store, author))
    assert approver_of(project, rollout, project.people.identify(asks)) == counts_as


@pytest.mark.parametrize("kind", [ActorKind.TOKEN, ActorKind.MACHINE])
def test_r34_no_token_and_no_job_approves_and_each_may_take_traffic_off_harm(project: Project, kind: ActorKind) -> None:
    actor, thing = project.people.identify("ada", kind), Thing(service="shop", environment="production")
    assert may(actor, Permission.APPROVE, thing, project.people) is not None
    for permission in (Permission.TAKE_BACK, Permission.ROLL_BACK):
        assert may(actor, permission, thing, project.people) is None


def test_r34_an_approval_in_a_chat_needs_the_role_of_the_account_and_an_abort_does_not(project: Project) -> None:
    store = project.store
    identity = _rollout(store, "dora")
    assert refusal_of(store, "bob", CommandKind.APPROVE, "shop", "production") == "", "without accounts, people decide"
    store.persons.add("bob", 1.0)
    store.persons.grant(HolderKind.PERSON, "bob", Grant(role="deployer"), "root", 1.0)
    pressed = Pressed(ask="approve", rollout=identity, about=1, user="U2", name="bob", reply_to="")
    status, sentence = answer(store, pressed)
    assert (status, "bob may not approve or reject a rollout in shop/production" in sentence) == (403, True)
    for user in ("U1", "U2"):
        status, sentence = answer(
            store, Pressed(ask="abort", rollout=identity, about=1, user=user, name="", reply_to="")
        )
        assert status == 200, sentence
    rows = [row for row in audit.all_rows(store.engine) if row.action == "abort"]
    assert [(row.actor, row.proof) for row in rows] == [("ada", "chat"), ("bob", "chat")]
