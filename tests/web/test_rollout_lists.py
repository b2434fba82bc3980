"""R34: the API lists every rollout, filtered and in pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pilotage.model.rollout import Event, Status
from tests.web.site import Client, Served
from tests.web.test_rollout_page import record


def ended(server: Served, version: str, environment: str = "production") -> str:
    rollout = server.rollout(version=version, environment=environment)
    record(server, rollout, replace(rollout.state, status=Status.ROLLED_BACK), Event("rolled-back", "back", {}))
    return rollout.id


def versions(client: Client, query: str = "") -> list[Any]:
    got = client.get(f"/api/v1/rollouts{query}")
    assert got.status == 200, got.text
    return [one["version"] for one in got.json["rollouts"]]


def test_r34_every_rollout_is_listed_with_filters(server: Served) -> None:
    server.person("root", "admin")
    root = server.signed_in("root")
    ended(server, "1.0.0")
    ended(server, "1.1.0", "staging")
    server.rollout(version="2.0.0")
    server.rollout("search", version="9.0.0")
    assert versions(root) == ["9.0.0", "2.0.0", "1.1.0", "1.0.0"]
    assert versions(root, "?status=under-way") == ["9.0.0", "2.0.0"]
    assert versions(root, "?status=rolled-back,failed") == ["1.1.0", "1.0.0"]
    assert versions(root, "?service=shop&environment=production") == ["2.0.0", "1.0.0"]
    assert versions(root, "?service=nowhere") == []
    wrong = root.get("/api/v1/rollouts?status=done")
    assert (wrong.status, wrong.json["detail"][:25]) == (400, "there is no status 'done'")


def test_r34_pages_of_rollouts_follow_each_other(server: Served) -> None:
    server.person("root", "admin")
    root = server.signed_in("root")
    for number in range(5):
        ended(server, f"1.{number}.0")
    first = root.get("/api/v1/rollouts?limit=2&status=rolled-back")
    assert 'rel="next"' in first.headers["link"]
    server.rollout(version="2.0.0")
    found = [one["version"] for one in first.json["rollouts"]]
    after = first.json["next"]
    while after:
        page = root.get(f"/api/v1/rollouts?limit=2&status=rolled-back&after={after}").json
        found += [one["version"] for one in page["rollouts"]]
        after = page["next"]
    assert found == ["1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"]
    assert root.get("/api/v1/rollouts?after=eHg").status == 400


def test_r34_a_list_has_only_what_the_reader_sees(server: Served) -> None:
    server.person("viv", "viewer@search/production")
    ended(server, "1.0.0")
    server.rollout("search", version="9.0.0")
    assert versions(server.signed_in("viv")) == ["9.0.0"]
