"""Who may do what is answered in one place, of persons, and asked by every use case that changes something."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pilotage.app.permissions import People, Permission, Thing, may, require
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Forbidden
from pilotage.model.schedule import Role

TEAM = People(
    by_name={"ada": (("QA lead",), ("slack:U1",)), "bob": (("release manager",), ())}, where="pilotage.yaml:9"
)
NOBODY = People(by_name={}, where="pilotage.yaml")
QA = Thing(service="shop", environment="production", role=Role.QA_LEAD)
APP = Path(__file__).parents[3] / "src/pilotage/app"

WORDS = (Permission.SIGN_OFF, Permission.WAIVE, Permission.APPROVE_ANNOUNCEMENT)


@pytest.mark.parametrize("permission", WORDS)
def test_r6_a_word_counts_of_those_who_have_the_role_by_any_of_their_names(permission: Permission) -> None:
    assert may(TEAM.identify("ada"), permission, QA, TEAM) is None
    assert require(TEAM, "slack:U1", permission, QA).name == "ada"
    with pytest.raises(Forbidden, match="bob does not have the role QA lead; ada may"):
        require(TEAM, "bob", permission, QA)
    with pytest.raises(Forbidden, match="eve does not have the role QA lead; ada may"):
        require(TEAM, "eve", permission, QA)
    assert may(NOBODY.identify("eve"), permission, QA, NOBODY) is None, "where no people are named, anybody may"


def test_r6_a_role_that_nobody_has_is_said_with_its_place() -> None:
    nobodys = Thing(service="shop", role=Role.SECURITY_ENGINEER)
    with pytest.raises(Forbidden, match=r"pilotage\.yaml:9 gives this role to nobody"):
        require(TEAM, "ada", Permission.SIGN_OFF, nobodys)


@pytest.mark.parametrize("kind", [ActorKind.TOKEN, ActorKind.MACHINE])
def test_r6_a_token_gives_nobodys_word(kind: ActorKind) -> None:
    refusal = may(TEAM.identify("ada", kind), Permission.SIGN_OFF, QA, TEAM)
    assert refusal is not None
    assert refusal.sentence == f"ada is a {kind}: only a person may sign off"


@pytest.mark.parametrize("permission", [Permission.ROLL_BACK, Permission.TAKE_BACK, Permission.KILL_FLAG])
@pytest.mark.parametrize("kind", ActorKind)
def test_taking_traffic_off_harm_is_refused_to_nobody(permission: Permission, kind: ActorKind) -> None:
    assert may(TEAM.identify("whoever", kind), permission, QA, TEAM) is None


def test_every_permission_is_asked_for_by_a_use_case() -> None:
    asked = {
        node.attr
        for path in APP.rglob("*.py")
        if path.name != "permissions.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Permission"
    }
    assert asked == {permission.name for permission in Permission}
