"""R34: who may what where, who gives it, and why."""

from __future__ import annotations

from pilotage.model.access import Grant, HolderKind
from tests.web.site import Served


def test_r34_an_admin_gives_and_takes_roles_of_people_groups_and_service_accounts(server: Served) -> None:
    server.person("root", "admin")
    server.person("ada")
    root = server.signed_in("root")
    for kind, holder in (("person", "ada"), ("group", "ops"), ("service", "deploy-bot")):
        body = {"kind": kind, "holder": holder, "grant": "deployer@shop/production"}
        assert root.post("/api/v1/access/grants", body).json["changed"] is True
        assert root.post("/api/v1/access/grants", body).json["changed"] is False
    assert server.store.persons.grants_of(HolderKind.GROUP, ["ops"]) == (
        Grant(role="deployer", service="shop", environment="production"),
    )  # fmt: skip
    assert root.post(
        "/api/v1/access/grants/revoke", {"kind": "group", "holder": "ops", "grant": "deployer@shop/production"}
    ).json["changed"]
    assert {one["holder"] for one in root.get("/api/v1/access").json["grants"]} == {"root", "ada", "deploy-bot"}


def test_r34_a_grant_of_something_that_does_not_exist_is_refused_with_what_does(server: Served) -> None:
    server.person("root", "admin")
    root = server.signed_in("root")
    for grant, words in (
        ("boss", "there is no role 'boss'; there are viewer, author, deployer, approver, admin"),
        ("viewer@shpo", "there is no service 'shpo'; there are shop, search"),
        ("viewer@search/staging", "search has no environment 'staging'; it has production"),
    ):
        got = root.post("/api/v1/access/grants", {"kind": "person", "holder": "root", "grant": grant})
        assert (got.status, got.json["detail"]) == (400, words)
    got = root.post("/api/v1/access/grants", {"kind": "person", "holder": "nobody", "grant": "viewer"})
    assert got.status == 404


def test_r34_the_last_admin_keeps_the_role_and_the_account(server: Served) -> None:
    server.person("root", "admin")
    server.person("ada")
    root = server.signed_in("root")
    body = {"kind": "person", "holder": "root", "grant": "admin"}
    got = root.post("/api/v1/access/grants/revoke", body)
    assert (got.status, got.json["detail"]) == (409, "root is the last admin: give the role to somebody else first")
    assert root.post("/api/v1/access/people/root/disable").status == 409
    assert root.post("/api/v1/access/grants", {**body, "holder": "ada"}).status == 200
    assert root.post("/api/v1/access/grants/revoke", body).json["changed"] is True
    assert root.get("/api/v1/access").status == 403


def test_r34_nobody_gives_more_than_they_have(server: Served) -> None:
    server.person("root", "admin")
    server.person("lead", "viewer")
    root = server.signed_in("root")
    assert root.post("/api/v1/access/roles/team-lead", {"permissions": ["manage-people", "freeze"]}).status == 200
    root.post("/api/v1/access/grants", {"kind": "person", "holder": "lead", "grant": "team-lead"})
    lead = server.signed_in("lead")
    got = lead.post("/api/v1/access/grants", {"kind": "person", "holder": "lead", "grant": "admin"})
    assert (got.status, got.json["detail"]) == (403, "you cannot give or take admin: you have viewer, team-lead")
    assert lead.post("/api/v1/access/roles/more", {"permissions": ["deploy"]}).status == 403
    assert root.post("/api/v1/access/roles/team-lead/delete").status == 409


def test_r34_a_disabled_account_is_out_at_once(server: Served) -> None:
    server.person("root", "admin")
    server.person("ada", "deployer")
    ada, token = server.signed_in("ada"), server.with_token("ada", "deployer")
    assert (ada.get("/").status, token.get("/api/v1/rollouts").status) == (200, 200)
    root = server.signed_in("root")
    assert root.post("/api/v1/access/people/ada/disable").status == 200
    assert (ada.get("/").status, token.get("/api/v1/rollouts").status) == (303, 401)
    assert root.post("/api/v1/access/people/ada/enable").status == 200
    assert ada.get("/").status == 303, "who had the session before does not have it again"


def test_r34_why_names_the_grant_or_what_is_missing_and_who_could_give_it(server: Served) -> None:
    server.person("root", "admin")
    server.person("ada", "deployer@shop", "viewer")
    ada = server.signed_in("ada")
    yes = ada.get("/api/v1/access/why?action=deploy&service=shop&environment=production").json
    assert yes["allowed"] is True
    assert "deployer of shop/* (their own) allows them to deploy in shop/production" in yes["sentences"]
    no = ada.get("/api/v1/access/why?action=deploy&service=search&environment=production").json
    assert no["allowed"] is False
    assert "deployer of shop/* (their own) allows them to deploy, but not in search/production" in no["sentences"]
    assert "viewer (their own) does not allow them to deploy" in no["sentences"]
    assert no["who"] == ["needed: deployer, approver or admin", "may do it: root", "may give a role: root"]
    assert ada.get("/api/v1/access/why?actor=root&action=deploy").status == 403
    page = ada.get("/why?action=deploy&service=search").text
    assert "ada may not deploy in search" in page
    assert "may give a role: root" in page


def test_r34_the_pages_of_settings_work_by_forms(server: Served) -> None:
    server.person("root", "admin")
    server.person("ada")
    root = server.signed_in("root")
    form = {"do": "give", "kind": "person", "holder": "ada", "role": "deployer", "place": "shop/production"}
    assert root.submit("/settings/people", **form).status == 303
    page = root.get("/settings/people").text
    assert "deployer of shop/production" in page
    taken = {"do": "take", "kind": "person", "holder": "root", "grant": "admin"}
    got = root.submit("/settings/people", **taken)
    assert got.status == 409
    assert "root is the last admin" in got.text
    for path in ("/settings", "/settings/channels", "/settings/integrations", "/audit", "/settings/tokens"):
        assert root.get(path).status == 200, path
    assert root.get("/settings/integrations?service=shop&environment=staging").status == 200
    ada = server.signed_in("ada")
    assert ada.get("/settings").status == 200
    assert ada.get("/settings/people").status == 403
