"""R34: what the API's routes about releases answer, with real state."""

from __future__ import annotations

import pytest

from pilotage.model.rollout import CommandKind
from pilotage.web.route import Kind
from pilotage.web.table import ROUTES
from tests.web.site import Client, Served

pytestmark = pytest.mark.usefixtures("no_worker")

PLACE = "/api/v1/services/shop/environments/production"


@pytest.fixture
def ada(server: Served) -> Client:
    server.person("ada", "admin")
    return server.with_token("ada", "admin")


def _built(server: Served, version: str) -> None:
    """The program of a version, so that it can start."""
    program = server.site.project.folder / version / "serve"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)


def test_r34_a_version_is_deployed_and_the_answer_says_where_to_look(server: Served, ada: Client) -> None:
    _built(server, "2.5.0")
    planned = ada.post(f"{PLACE}/plan", {"version": "2.5.0"}).json
    assert planned["plan"]["version"] == "2.5.0"
    other = ada.post(f"{PLACE}/deploy", {"version": "2.5.0", "plan_hash": "0" * 64})
    assert (other.status, other.json["code"]) == (409, "other-plan")
    body = {"version": "2.5.0", "plan_hash": planned["plan_hash"], "break_glass": "the outage"}
    got = ada.post(f"{PLACE}/deploy", body, **{"Idempotency-Key": "d1"})
    assert got.status == 202, got.text
    shown = ada.get(got.headers["location"]).json
    assert (shown["version"], shown["actor"], shown["mode"]) == ("2.5.0", "ada", "initial")
    again = ada.post(f"{PLACE}/deploy", body, **{"Idempotency-Key": "d1"})
    assert (again.body, again.headers["location"]) == (got.body, got.headers["location"])
    busy = ada.post(f"{PLACE}/deploy", {"version": "2.6.0"})
    assert busy.status == 409
    assert ada.get(f"{got.headers['location']}/plan").json["plan_hash"] == planned["plan_hash"]


def test_c6_35_a_deployment_whose_server_died_is_told_from_what_it_recorded(server: Served, ada: Client) -> None:
    from pilotage.web import once

    def dies(name: str) -> None:
        if name == "request-acted":
            raise RuntimeError

    _built(server, "2.5.0")
    body, key = {"version": "2.5.0", "break_glass": "the outage"}, {"Idempotency-Key": "d1"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(once, "reach", dies)
        assert ada.post(f"{PLACE}/deploy", body, **key).status == 500
    got = ada.post(f"{PLACE}/deploy", body, **key)
    assert (got.status, got.json["fresh"]) == (202, True)
    assert len(server.store.history("shop")) == 1


def test_r34_going_back_records_one_rollback(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    got = ada.post(f"{PLACE}/rollback", {"reason": "users"}, **{"Idempotency-Key": "r1"})
    assert (got.status, got.json["rollout"]) == (202, rollout.id)
    ada.post(f"{PLACE}/rollback", {"reason": "users"}, **{"Idempotency-Key": "r1"})
    assert [one.kind for one in server.store.pending(rollout.id)] == [CommandKind.ROLLBACK]


def test_r34_pages_of_rollouts_stay_when_new_ones_come(server: Served, ada: Client) -> None:
    made = [_ended(server) for _ in range(5)]
    first = ada.get(f"{PLACE}/rollouts?limit=2")
    newest = server.rollout()
    second = ada.get(first.headers["link"].split(";")[0].strip("<>"))
    third = ada.get(f"{PLACE}/rollouts?limit=2&after={second.json['next']}")
    seen = [one["id"] for page in (first, second, third) for one in page.json["rollouts"]]
    assert seen == made[::-1]
    assert (third.json["next"], "link" in third.headers) == ("", False)
    assert ada.get(f"{PLACE}/rollouts?limit=1").json["rollouts"][0]["id"] == newest.id
    for cursor in ("%00", "AAAA", "x" * 501, "%C3%A9"):
        assert ada.get(f"{PLACE}/rollouts?after={cursor}").status == 400
    assert ada.get(f"{PLACE}/rollouts?limit=0").status == 400
    assert ada.get(f"{PLACE}/rollouts?limit=1&limit=2").status == 400


def _ended(server: Served) -> str:
    rollout = server.rollout()
    with server.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rollout SET status = 'completed', finished_at = created_at")
    return rollout.id


def test_r34_freezes_are_declared_and_lifted_by_who_has_seen_them(ada: Client) -> None:
    where = f"{PLACE}/freezes"
    seen = ada.get(where).headers["etag"]
    body = {"name": "launch", "seconds": 3600, "reason": "marketing"}
    assert ada.post(where, body, **{"If-Match": seen, "Idempotency-Key": "f1"}).status == 201
    assert [one["name"] for one in ada.get(where).json["freezes"]] == ["launch"]
    stale = ada.post(f"{where}/lift", {"name": "launch"}, **{"If-Match": seen})
    assert (stale.status, stale.json["present"]["freezes"][0]["name"]) == (412, "launch")
    assert ada.post(f"{where}/lift", {"name": "launch"}).status == 200
    assert ada.get(where).json["freezes"] == []


def test_r34_events_and_queue_show_what_the_shell_shows(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    listed = ada.get(f"/api/v1/rollouts/{rollout.id}/events").json["events"]
    assert [one["type"] for one in listed] == ["rollout-started"]
    assert ada.get(f"/api/v1/rollouts/{rollout.id}/events?after=1").json["events"] == []
    assert ada.get("/api/v1/queue").json["rollouts"] == []


def test_r34_lists_name_only_what_the_reader_sees(server: Served) -> None:
    server.person("bob", "viewer@shop/production")
    bob = server.with_token("bob", "viewer@shop/production")
    assert bob.get("/api/v1/services").json["services"] == [{"name": "shop", "environments": ["production"]}]
    places = bob.get("/api/v1/environments").json["environments"]
    assert [(one["service"], one["environment"]) for one in places] == [("shop", "production")]


def test_r34_followups_are_added_and_finished(ada: Client) -> None:
    where = "/api/v1/services/shop/followups"
    body = {"description": "alert on checkout", "owner": "ada", "due": "2027-01-31", "criterion": "it rang"}
    made = ada.post(where, body)
    assert made.status == 201, made.text
    assert ada.post(f"{where}/{made.json['number']}/done", {"outcome": "it rang"}).status == 200
    (one,) = ada.get(where).json["followups"]
    assert (one["description"], one["outcome"]) == ("alert on checkout", "it rang")
    assert ada.post(f"{where}/none/done", {"outcome": "x"}).status == 404
    assert ada.post(f"{where}/99/done", {"outcome": "x"}).status in (400, 404, 409)


def test_routes_that_change_something_say_what_they_change() -> None:
    assert [one.name for one in ROUTES if one.about and not any(
        shown.method == "GET" and shown.path == one.about and shown.kind is Kind.API for shown in ROUTES
    )] == []  # fmt: skip
