"""R34: tokens: what they may, whom they outlive, and how they end."""

from __future__ import annotations

import re

import pytest

from pilotage.app.identity import tokens
from pilotage.model.access import Grant, HolderKind, TokenPurpose
from tests.web.site import Client, Served


def test_r34_a_person_makes_a_token_that_is_shown_once_and_may_less_than_they_may(server: Served) -> None:
    server.person("ada", "deployer@shop")
    got = server.signed_in("ada").post("/api/v1/tokens", {"name": "ci", "grants": ["viewer@shop/staging"]})
    assert got.status == 201
    text = got.json["text"]
    assert re.fullmatch(r"pilotage_pat_[0-9a-f]{12}_[\w-]{43}[0-9a-f]{8}", text)
    token = Client(server, token=text)
    listed = token.get("/api/v1/tokens").json["tokens"]
    assert (listed[0]["name"], listed[0]["grants"], listed[0]["used_at"] is not None) == (
        "ci",
        ["viewer@shop/staging"],
        True,
    )
    assert text.rpartition("_")[2] not in token.get("/api/v1/tokens").text
    production, staging = server.rollout("shop", "production"), server.rollout("shop", "staging")
    assert token.get(f"/api/v1/rollouts/{staging.id}").status == 200
    assert token.get(f"/api/v1/rollouts/{production.id}").status == 403


@pytest.mark.parametrize(("grant", "words"), [
    ("admin", "you cannot make a token with admin: you have deployer of shop/*"),
    ("deployer", "you cannot make a token with deployer: you have deployer of shop/*"),
    ("approver@shop", "you cannot make a token with approver of shop/*: you have deployer of shop/*"),
    ("deployer@search/production", "there is no service 'search'; there are shop"),
])  # fmt: skip
def test_r34_nobody_makes_a_token_with_more_than_they_have(server: Served, grant: str, words: str) -> None:
    server.person("ada", "deployer@shop")
    got = server.signed_in("ada").post("/api/v1/tokens", {"name": "x", "grants": [grant]})
    assert got.status == (400 if "search" in grant else 403), "of what one does not see nothing is said"
    assert words in got.json["detail"]


def test_r34_a_token_makes_no_token_and_dies_with_its_person(server: Served) -> None:
    server.person("ada", "admin")
    server.person("bob", "admin")
    ada = server.with_token("ada", "admin")
    assert ada.post("/api/v1/tokens", {"name": "more"}).status == 403
    assert ada.get("/api/v1/tokens").status == 200
    assert server.store.roles.disable("ada", 1.0)
    assert ada.get("/api/v1/tokens").status == 401


def test_r34_an_admins_token_for_deployments_is_a_deployers(server: Served) -> None:
    server.person("ada", "admin")
    found = tokens.of_header(server.store, server.with_token("ada", "deployer@shop").token, "")
    assert found is not None
    assert found.grants == (Grant(role="deployer", service="shop"),)


def test_r34_a_mistyped_token_is_told_from_an_unknown_one(server: Served) -> None:
    server.person("ada", "viewer")
    text = server.with_token("ada", "viewer").token
    assert Client(server, token=text[:-1] + ("0" if text[-1] != "0" else "1")).get("/api/v1/tokens").json["detail"] == (
        "this token is incomplete or mistyped: its checksum does not fit"
    )  # fmt: skip
    server.store.tokens.revoke([text.split("_")[2]], 1.0)
    assert (
        Client(server, token=text).get("/api/v1/tokens").json["detail"] == "this token is unknown, expired or revoked"
    )


def test_r34_one_revokes_ones_own_token_and_an_admin_all_of_someone(server: Served) -> None:
    server.person("ada", "viewer")
    server.person("bob", "viewer")
    server.person("root", "admin")
    ada, bob, root = server.signed_in("ada"), server.with_token("bob", "viewer"), server.signed_in("root")
    identity = bob.token.split("_")[2]
    assert ada.post(f"/api/v1/tokens/{identity}/revoke").status == 403
    assert bob.get("/api/v1/tokens").status == 200
    assert root.post("/api/v1/tokens/revoke-all", {"owner": "bob"}).json == {"schema": 3, "revoked": 1}
    assert bob.get("/api/v1/tokens").status == 401
    row = root.get("/api/v1/audit?action=manage-tokens").json["rows"][0]
    assert row["before"]["tokens"][0]["revoked_at"] is None


def test_r34_a_service_account_has_tokens_of_its_own(server: Served) -> None:
    server.person("root", "admin")
    server.store.persons.grant(HolderKind.SERVICE, "deploy-bot", Grant(role="deployer", service="shop"), "root", 1.0)
    made = server.signed_in("root").post("/api/v1/service-accounts/deploy-bot/tokens", {"name": "runner", "days": 7})
    assert made.status == 201
    assert made.json["text"].startswith(TokenPurpose.SERVICE.prefix)
    bot = Client(server, token=made.json["text"])
    rollout = server.rollout()
    assert bot.get(f"/api/v1/rollouts/{rollout.id}").status == 200
    got = bot.post(f"/api/v1/rollouts/{rollout.id}/approve")
    assert got.status == 403


def test_r34_a_busy_token_writes_its_use_once_a_minute(server: Served) -> None:
    server.person("ada", "viewer")
    ada = server.with_token("ada", "viewer")
    ada.get("/api/v1/tokens")
    first = server.store.tokens.listed(owner="ada")[0].used_at
    ada.get("/api/v1/tokens")
    assert server.store.tokens.listed(owner="ada")[0].used_at == first


def test_r34_the_page_shows_a_new_token_once(server: Served) -> None:
    server.person("ada", "deployer@shop")
    ada = server.signed_in("ada")
    got = ada.submit("/settings/tokens", name="laptop", grants="deployer@shop", days="30")
    assert got.status == 200
    assert "pilotage_pat_" in got.text
    page = ada.get("/settings/tokens").text
    assert "laptop" in page
    assert "pilotage_pat_" not in page.replace("pilotage_pat_…", "")
    identity = server.store.tokens.listed(owner="ada")[0].id
    assert ada.submit(f"/settings/tokens/{identity}/revoke").status == 303
    assert server.store.tokens.listed(owner="ada")[0].revoked_at is not None


def test_r34_the_secret_of_a_session_is_no_token_and_a_token_no_session(server: Served) -> None:
    """Each is remembered for a moment once it was recognised; a cookie needs the form's token, a header does not."""
    server.person("ada", "deployer")
    browser, program = server.signed_in("ada"), server.with_token("ada", "deployer")
    as_token = Client(server, token=browser.cookie.partition("=")[2])
    as_cookie = Client(server, cookie=f"{browser.cookie.partition('=')[0]}={program.token}")
    for path in ("/api/v1/who", "/services"):
        for right, wrong in ((browser, as_token), (program, as_cookie)):
            assert right.get(path).status == 200
            assert wrong.get(path).status in (303, 401), path
