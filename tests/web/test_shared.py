"""R34: answers that readers share for a moment show nobody what another's roles allow, and no change too late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import event, update
from starlette.responses import Response

from pilotage.engine.records.doing import doing
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import live_views, rollouts
from pilotage.model.audit import Act
from pilotage.model.rollout import CommandKind
from pilotage.web import shared
from pilotage.web.route import Sharing
from pilotage.web.shared import Kept, Shared
from pilotage.web.table import ROUTES
from tests.web.records import ended
from tests.web.site import Served

SHARED = [one for one in ROUTES if one.shared is not Sharing.NOBODY]


def kept(version: int, at: float, size: int = 1) -> Kept:
    return Kept(at=at, version=version, status=200, headers=(), body=b"x" * size)


@pytest.fixture
def asks(server: Served) -> Iterator[list[str]]:
    """What the store is asked meanwhile."""
    found: list[str] = []
    listen = lambda *given: found.append(given[2])  # noqa: E731
    event.listen(server.store.engine, "before_cursor_execute", listen)
    yield found
    event.remove(server.store.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("path", ["/services", "/services.json", "/calendar", "/calendar.json", "/", "/now.json"])
def test_r34_no_reader_gets_what_anothers_roles_allow(server: Served, path: str) -> None:
    server.rollout("shop", "production", "2.4.0")
    server.rollout("search", "production", "8.1.0")
    server.person("ada", "viewer")
    server.person("bob", "viewer@shop")
    server.person("eve")
    whole = server.signed_in("ada").get(path).text
    assert "8.1.0" in whole
    assert "2.4.0" in whole
    for _ in range(2):
        part = server.signed_in("bob").get(path).text
        assert "2.4.0" in part
        assert "8.1.0" not in part
        assert "2.4.0" not in server.signed_in("eve").get(path).text
        assert "8.1.0" in server.signed_in("ada").get(path).text


def test_r34_a_shared_page_has_each_readers_own_name_and_form_token(server: Served) -> None:
    names = ("ada", '<b>bob "&')
    for name in names:
        server.person(name, "deployer")
    ada, bob = (server.signed_in(name) for name in names)
    for path in ("/services", "/services/shop", "/services/shop/production", "/calendar", "/"):
        first, second = ada.get(path).text, bob.get(path).text
        assert ada.csrf in first
        assert bob.csrf in second
        assert ada.csrf not in second
        assert "ada · deployer" not in second
        assert "&lt;b&gt;bob &#34;&amp; · deployer" in second
        for mark in (shared._CSRF, shared._NAME):
            assert mark not in first + second


def test_r34_a_route_that_shares_by_roles_knows_no_names() -> None:
    assert {one.path for one in SHARED if one.shared is Sharing.ROLES} >= {"/services", "/now.json"}
    assert not [one.name for one in SHARED if one.changes or one.secret]


def test_r34_the_same_question_again_asks_the_store_nearly_nothing(
    server: Served, asks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_STAY", 600.0)
    server.person("ada", "viewer")
    server.person("bob", "viewer")
    first, second = server.with_token("ada", "viewer"), server.with_token("bob", "viewer")
    for client in (first, second, first, second):  # both are recognised, and their tokens have noted their use
        client.get("/api/v1/who")
    first.get("/services")
    first.get("/services")
    asks.clear()
    assert second.get("/services").status == 200
    assert [one for one in asks if "rollout" in one] == []


def test_r34_a_change_by_this_server_shows_in_the_next_request(server: Served) -> None:
    server.person("ada", "deployer")
    browser = server.signed_in("ada")
    for number in range(3):
        browser.get("/services.json?show=frozen")
        name, there = f"launch-{number}", "/services/shop/production/freezes"
        assert browser.submit(there, name=name, reason="x", **{"for": "4h"}).status == 303
        assert [one["service"] for one in browser.get("/services.json?show=frozen").json["services"]] == ["shop"]
        assert browser.submit(f"{there}/lift", name=name).status == 303
        assert browser.get("/services.json?show=frozen").json["services"] == []
    server.rollout("shop", "production", "2.4.0")
    assert browser.get("/now.json").json["rollouts"][0]["version"] == "2.4.0"
    ended(server.store, "search", "production", "8.1.0")
    assert "8.1.0" in browser.get("/services").text


def test_r34_a_change_that_a_person_makes_elsewhere_makes_another_version(server: Served) -> None:
    made = server.rollout("shop", "production", "2.4.0")
    elsewhere = Store(server.site.project.directory)
    try:
        before = server.site.versions.now()
        assert server.site.versions.now() == before
        with doing(Act(actor="ada", kind="person", proof="operating system", action="command")):
            elsewhere.command(made.id, CommandKind.PAUSE, "ada", "x")
        after = server.site.versions.now()
        assert after != before
        server.store.command(made.id, CommandKind.RESUME, "ada", "x")
        assert server.site.versions.now()[0] == after[0] + 1
    finally:
        elsewhere.close()


def test_r34_a_change_of_the_configuration_shows_at_once(server: Served) -> None:
    server.person("ada", "viewer")
    browser, file = server.signed_in("ada"), server.site.project.config
    assert len(browser.get("/services.json").json["services"]) == 2
    file.write_text(file.read_text().partition("  search:")[0])
    assert [one["service"] for one in browser.get("/services.json").json["services"]] == ["shop"]


def test_r34_a_role_that_is_taken_away_counts_at_once(server: Served) -> None:
    server.rollout("shop", "production", "2.4.0")
    server.person("owner", "admin")
    server.person("ada", "viewer")
    browser, program = server.signed_in("ada"), server.with_token("ada", "viewer")
    elsewhere = Store(server.site.project.directory)
    try:
        for client in (browser, program):
            assert "2.4.0" in client.get("/services").text
        assert elsewhere.roles.disable("ada", time.time())
        assert browser.get("/services").status == 303
        assert program.get("/api/v1/rollouts").status == 401
    finally:
        elsewhere.close()


def test_r34_what_a_worker_writes_is_never_older_than_a_moment(server: Served) -> None:
    made = server.rollout("shop", "production", "2.4.0")
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    elsewhere = Store(server.site.project.directory)
    try:
        browser.get("/now.json")
        with elsewhere.engine.begin() as connection:
            connection.execute(update(rollouts).where(rollouts.c.id == made.id).values(reason="it rains"))
            connection.execute(update(live_views).where(live_views.c.rollout == made.id).values(body="{}"))
        deadline = time.monotonic() + 60
        while browser.get("/now.json").json["rollouts"][0]["reason"] != "it rains":
            assert time.monotonic() < deadline
    finally:
        elsewhere.close()


def test_r34_who_asks_while_an_answer_is_made_waits_for_it() -> None:
    found, made, begun, go = Shared(), list[int](), threading.Event(), threading.Event()

    def make() -> Kept:
        made.append(1)
        begun.set()
        assert go.wait(60)
        return kept(1, 10.0)

    answers = list[object]()
    threads = [
        threading.Thread(target=lambda: answers.append(found.get(("a",), 1, 10.0, make))) for _ in range(5)
    ]  # fmt: skip
    for one in threads:
        one.start()
    assert begun.wait(60)
    go.set()
    for one in threads:
        one.join(60)
    assert (len(made), len(answers)) == (1, 5)


def test_r34_an_answer_of_another_version_or_of_earlier_is_made_again() -> None:
    found = Shared()
    for version, at in ((1, 10.0), (2, 10.0), (2, 10.6), (2, 9.0)):
        made = kept(version, at)
        assert found.get(("a",), version, at, partial(replace, made)) == made
    assert found.get(("a",), 2, 9.1, lambda: kept(2, 9.1)) == kept(2, 9.0)


def test_r34_what_must_not_be_kept_is_made_for_each() -> None:
    found, gone = Shared(), Response(status_code=303)
    assert found.get(("a",), 1, 1.0, lambda: gone) is gone
    assert found.get(("a",), 1, 1.0, lambda: kept(1, 1.0)) == kept(1, 1.0)


def test_r34_shared_answers_take_little_memory() -> None:
    found = Shared()
    for number in range(40):
        found.get((number,), 1, 1.0, lambda: kept(1, 1.0, 1_000_000))
    assert found._size == sum(len(one.body) for one in found._kept.values()) <= 16_000_000
    found.get(("late",), 1, 100.0, lambda: kept(1, 100.0))
    assert list(found._kept) == [("late",)]
