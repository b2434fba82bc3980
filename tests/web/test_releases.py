"""R34, R33: releases and ways as pages, and what people ask of a way from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.app.project import Project
from pilotage.app.way.starting import StartWay, start_way
from pilotage.engine.records import ways
from pilotage.model.readiness import Signature, SignatureKind
from pilotage.model.rollout import Status
from tests.web.records import ended
from tests.web.site import CONFIG, Client, Served, served

HOSTILE = '<script>alert("x")</script>'
WAY = """\
way:
  stages:
    - {name: first, environment: staging, approval: {count: 1}}
    - {name: then, environment: production, approval: {count: 1}}
"""


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server whose one service has a way; no worker runs."""
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    with served(tmp_path, CONFIG.partition("  search:")[0] + WAY) as found:
        yield found


def begun(server: Served, version: str = "2.4.0") -> str:
    project = server.site.for_(None, "shop")
    return start_way(project, "dora", StartWay(version=version)).way.id


def person(server: Served, name: str, *roles: str) -> Client:
    server.person(name, *roles)
    return server.signed_in(name)


def test_r34_releases_are_listed_newest_first_with_what_the_reader_may_see(server: Served) -> None:
    ended(server.store, "shop", "staging", "2.4.0", at=1e9)
    ended(server.store, "shop", "production", "2.4.0", status=Status.ROLLED_BACK, at=2e9)
    ended(server.store, "search", "production", "8.0.0")
    ada = person(server, "ada", "viewer@shop/staging")
    found = ada.get("/releases.json").json["rollouts"]
    assert [(one["environment"], one["version"]) for one in found] == [("staging", "2.4.0")]
    assert "8.0.0" not in ada.get("/releases").text
    assert "No release fits" in ada.get("/releases?q=%25").text
    assert HOSTILE not in ada.get("/releases?q=%3Cscript%3Ealert(%22x%22)%3C/script%3E").text
    assert ada.get("/releases/search/8.0.0").status == 404
    assert ada.get("/releases/shop/0.0.1").status == 404


def test_r34_a_release_shows_rollouts_sign_offs_and_its_timeline(server: Served) -> None:
    from pilotage.engine.records.signatures import sign

    ended(server.store, "shop", "staging", "2.4.0", reason=HOSTILE)
    signature = Signature(
        SignatureKind.SIGN_OFF, "test_report", "QA lead", HOSTILE, HOSTILE, 1.0, None, "plan", ""
    )  # fmt: skip
    sign(server.store.engine, "shop", "staging", "2.4.0", signature)
    ada = person(server, "ada", "viewer@shop")
    text = ada.get("/releases/shop/2.4.0").text
    for shown in ("serves staging", "Test report", "It ended", "Pilotage did not build this version"):
        assert shown in text, shown
    assert HOSTILE not in text
    assert "It ended" not in person(server, "bob", "viewer@search").get("/releases/shop/2.4.0").text
    assert ada.get("/releases/shop/2.4.0.json").json["rollouts"][0]["version"] == "2.4.0"
    assert "2.4.0" in ada.get("/releases/shop/2.4.0/trace").text
    assert ada.get("/releases/shop/2.4.0/trace.json").json["version"] == "2.4.0"
    assert "No notes can be made here" in ada.get("/releases/shop/2.4.0/notes").text


def test_r33_a_way_shows_its_stages_and_offers_what_its_reader_may_do(there: Served) -> None:
    way = begun(there)
    bob = person(there, "bob", "approver")
    text = bob.get(f"/ways/{way}").text
    for shown in ("Approve 2.4.0 for first", "Hold the way", "Abort the way of 2.4.0", "first", "then"):
        assert shown in text, shown
    assert "<button" not in person(there, "vera", "viewer").get(f"/ways/{way}").text.partition("<main")[2]
    assert person(there, "noone").get(f"/ways/{way}").status == 404
    assert bob.get(f"/ways/{way}.json").json["stages"][0]["approvals_required"] == 1
    assert bob.get("/ways/none").status == 404
    assert "2.4.0" in bob.get("/ways/of/shop").text
    author = person(there, "dora", "approver").get(f"/ways/{way}").text
    assert "You cannot approve" in author
    assert "Approve 2.4.0 for first" not in author


def test_r33_a_command_is_recorded_for_the_stage_that_the_person_saw(there: Served) -> None:
    way = begun(there)
    bob = person(there, "bob", "approver")
    got = bob.submit(f"/ways/{way}/approve", stage="first", reason=HOSTILE)
    assert got.status == 303
    (asked,) = ways.pending(there.store.engine, way)
    assert (asked.kind.value, asked.stage, asked.actor) == ("approve", "first", "bob")
    text = bob.get(got.headers["location"]).text
    assert "Recorded" in text
    assert HOSTILE not in text


@pytest.mark.parametrize("kind", ["approve", "promote", "hold", "resume", "retry"])
def test_r34_a_page_of_an_earlier_stage_does_nothing_and_shows_the_present_one(there: Served, kind: str) -> None:
    way = begun(there)
    bob = person(there, "bob", "admin")
    got = bob.submit(f"/ways/{way}/{kind}", stage="then", reason="stale")
    assert got.status == 412
    assert "Nothing was done" in got.text
    assert "Hold the way" in got.text
    assert ways.pending(there.store.engine, way) == ()
    assert bob.get(f"/ways/{way}/{kind}").status in (404, 405)


def test_r34_an_abort_from_an_earlier_stage_ends_the_way_all_the_same(there: Served) -> None:
    way = begun(there)
    assert person(there, "bob", "admin").submit(f"/ways/{way}/abort", stage="then").status == 303
    (asked,) = ways.pending(there.store.engine, way)
    assert asked.kind.value == "abort"


def test_r34_who_may_approve_only_in_another_environment_is_refused(there: Served) -> None:
    way = begun(there)
    other = person(there, "eve", "approver@shop/production")
    assert "Approve 2.4.0" not in other.get(f"/ways/{way}").text
    assert other.submit(f"/ways/{way}/approve", stage="first").status == 403
    assert other.submit(f"/ways/{way}/abort", stage="first").status == 403
    own = person(there, "ann", "approver@shop/staging")
    assert own.submit(f"/ways/{way}/approve", stage="first").status == 303
    assert person(there, "dan", "deployer").submit(f"/ways/{way}/approve", stage="first").status == 403
    assert person(there, "dora", "admin").submit(f"/ways/{way}/approve", stage="first").status == 403
