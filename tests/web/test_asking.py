"""R34: who may ask what, before a route's function runs."""

from __future__ import annotations

import time

from tests.web.site import Served


def test_r34_nobody_reads_without_signing_in(server: Served) -> None:
    got = server.anybody().get("/api/v1/rollouts")
    assert (got.status, got.json["code"]) == (401, "not-signed-in")
    assert got.headers["content-type"] == "application/problem+json"


def test_r34_a_page_leads_to_the_login_and_back(server: Served) -> None:
    got = server.anybody().get("/?show=all")
    assert (got.status, got.headers["location"]) == (303, "/login?next=/%3Fshow%3Dall")


def test_r34_lists_show_only_what_the_identity_may_see(server: Served) -> None:
    server.rollout("shop"), server.rollout("search")
    server.person("ada", "viewer@shop")
    listed = server.with_token("ada", "viewer").get("/api/v1/rollouts").json["rollouts"]
    assert [one["service"] for one in listed] == ["shop"]


def test_r34_a_deployer_of_another_service_is_refused_with_what_would_be_needed(server: Served) -> None:
    rollout = server.rollout("search")
    server.person("ada", "deployer@shop")
    got = server.with_token("ada", "deployer").post(f"/api/v1/rollouts/{rollout.id}/abort", {"reason": "users"})
    assert got.status == 403
    assert got.json["detail"] == (
        "ada may not return traffic to stable in search/production; has deployer of shop/*, "
        "needs deployer, approver or admin"
    )  # fmt: skip


def test_r34_an_expired_token_is_no_token(server: Served) -> None:
    server.person("ada", "admin")
    assert server.with_token("ada", "admin", expires_at=time.time() - 1).get("/api/v1/rollouts").status == 401


def test_r34_a_change_from_another_site_or_an_old_form_is_refused(server: Served) -> None:
    server.person("ada", "admin")
    browser = server.signed_in("ada")
    body, headers = b"", {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.ask("POST", "/logout", body, {**headers, "Sec-Fetch-Site": "cross-site"}).status == 403
    assert browser.ask("POST", "/logout", body, {**headers, "Origin": "https://evil.example"}).status == 403
    assert browser.ask("POST", "/logout", b"csrf=old", headers).status == 403
    assert browser.get("/").status == 200
    assert browser.submit("/logout").status == 303
    assert browser.get("/").status == 303


def test_bodies_are_bounded_and_typed(server: Served) -> None:
    rollout = server.rollout()
    server.person("ada", "admin")
    ada = server.with_token("ada", "admin")
    where = f"/api/v1/rollouts/{rollout.id}/pause"
    assert ada.ask("POST", where, b"x" * 1_000_001, {"Content-Type": "application/json"}).status == 413
    assert ada.ask("POST", where, b"reason=x", {}).status == 415
    got = ada.post(where, {"raeson": "x"})
    assert (got.status, got.json["detail"]) == (400, "Object contains unknown field `raeson`")
    assert ada.post("/api/v1/rollouts/none/pause").status == 404
    unknown = ada.get("/api/v1/rollouts?stage=x")
    assert (unknown.status, unknown.json["detail"].partition(",")[0]) == (
        400,
        "there is no parameter 'stage' here; it takes after",
    )


def test_every_answer_forbids_what_pages_never_need(server: Served) -> None:
    headers = server.anybody().get("/login").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
