"""R34: signing in with GitHub, against a stand-in that answers as GitHub documents.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps · REST: get the authenticated
user, list organization memberships of the authenticated user, list teams, list email addresses.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from pilotage.adapters.identity_providers.asking import challenge
from pilotage.model.access import Grant, HolderKind
from tests.web.browsers import Browser
from tests.web.site import CONFIG, Got, Served, served

CALLBACK = "/login/with/github/callback"


@dataclass
class Hub:
    """GitHub's endpoints that matter, on one port as GitHub Enterprise Server has them."""

    port: int = 0
    user: dict[str, Any] = field(default_factory=lambda: {"id": 583231, "login": "Octocat", "type": "User"})
    organizations: list[tuple[str, str]] = field(default_factory=lambda: [("Acme", "active"), ("other", "active")])
    teams: list[tuple[str, str]] = field(default_factory=lambda: [("acme", "release"), ("other", "release")])
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    token: str = "gho_16C7e42F292c6912E7710c838347Ae178B4a"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def come_back(self, address: str) -> dict[str, str]:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_hex(10)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def exchange(self, given: dict[str, str]) -> tuple[int, Any]:
        asked = self.codes.pop(given.get("code", ""), None)
        if given.get("client_secret") != "a secret of an app":
            return 200, {"error": "incorrect_client_credentials", "error_description": "The client_id…"}
        if asked is None or challenge(given.get("code_verifier", "")) != asked["code_challenge"]:
            return 200, {
                "error": "bad_verification_code",
                "error_description": "The code passed is incorrect or expired.",
            }
        return 200, {"access_token": self.token, "scope": "read:org,user:email", "token_type": "bearer"}

    def read(self, path: str, query: dict[str, str], authorization: str) -> tuple[int, Any]:
        if authorization != f"Bearer {self.token}":
            return 401, {"message": "Bad credentials"}
        lists: dict[str, list[Any]] = {
            "/api/v3/user/memberships/orgs": [
                {"state": state, "role": "member", "organization": {"login": login, "id": 1}}
                for login, state in self.organizations
            ],
            "/api/v3/user/teams": [
                {"slug": slug, "name": slug.title(), "organization": {"login": login}} for login, slug in self.teams
            ],
            "/api/v3/user/emails": [
                {"email": "other@example.org", "primary": False, "verified": True, "visibility": None},
                {"email": "octocat@github.com", "primary": True, "verified": True, "visibility": "public"},
            ],
        }  # fmt: skip
        if path == "/api/v3/user":
            return 200, self.user
        size, page = int(query["per_page"]), int(query["page"])
        return (200, lists[path][(page - 1) * size : page * size]) if path in lists else (404, {"message": "Not Found"})


@contextlib.contextmanager
def hub() -> Iterator[Hub]:
    made = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(*made.read(parts.path, query, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            assert self.headers["Accept"] == "application/json", "else GitHub answers with a form"
            assert self.path == "/login/oauth/access_token"
            self._answer(*made.exchange({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, content: Any) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def configured(url: str, organizations: str) -> str:
    return CONFIG + (
        "server:\n  sign_in:\n    - kind: github\n      client_id: Iv1.8a61f9b3a7aba766\n"
        f"      client_secret: secret://env/GITHUB_SECRET\n      organizations: {organizations}\n"
        f"      url: {url}\n      allow_private_network: true\n"
    )


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("GITHUB_SECRET", "a secret of an app")
    with hub() as made:
        yield made


@pytest.fixture
def server(github: Hub, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, configured(github.url, "[acme]")) as found:
        yield found


def sign_in(browser: Browser, github: Hub, **more: str) -> Got:
    address = browser.get("/login/with/github").headers["location"]
    return browser.get(f"{CALLBACK}?{urlencode({**github.come_back(address), **more})}")


def test_r34_members_of_an_organization_sign_in_with_the_roles_of_their_team(server: Served, github: Hub) -> None:
    release = Grant(role="deployer", service="shop", environment="production")
    server.store.persons.grant(HolderKind.GROUP, "github:acme/release", release, "ada", 1.0)
    browser = Browser(server)
    address = browser.get("/login/with/github").headers["location"]
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{github.url}/login/oauth/authorize?")
    assert asked["scope"] == ["read:org user:email"]
    assert asked["code_challenge_method"] == ["S256"]
    got = browser.get(f"{CALLBACK}?{urlencode(github.come_back(address))}")
    assert (got.status, got.headers["location"]) == (303, "/"), got.text
    assert "Octocat · deployer" in browser.get("/").text
    person = server.store.persons.called("Octocat")
    assert (person.subject, person.email) == ("583231", "octocat@github.com")
    assert person.groups == ("github:acme", "github:acme/release"), "organizations of others are nobody's business"
    github.user = {"id": 583231, "login": "renamed"}
    assert sign_in(Browser(server), github).status == 303
    github.user = {"id": 99, "login": "Octocat"}
    assert sign_in(Browser(server), github).status == 409, "a login name that somebody else took over"


def test_r34_who_is_no_member_or_no_longer_does_not_sign_in(server: Served, github: Hub) -> None:
    assert sign_in(Browser(server), github).status == 303
    github.organizations = [("acme", "pending"), ("other", "active")]
    github.teams = []
    got = sign_in(Browser(server), github)
    assert (got.status, "is a member of none of acme" in got.text) == (403, True)


def test_r34_a_team_can_be_what_counts(server: Served, github: Hub) -> None:
    server.site.project.config.write_text(configured(github.url, "[acme/release]"))
    github.teams = [("acme", f"team-{number}") for number in range(150)]
    assert sign_in(Browser(server), github).status == 403
    github.teams.append(("acme", "release"))
    assert sign_in(Browser(server), github).status == 303, "also on the second page of GitHub's answer"


def test_r34_a_wrong_or_used_code_signs_in_nobody(server: Served, github: Hub) -> None:
    browser = Browser(server)
    got = sign_in(browser, github, code="0123456789abcdef0123")
    assert (got.status, "bad_verification_code" in got.text) == (401, True)
    assert sign_in(browser, github, state="another").status == 401
    github.user = {"login": "Octocat"}
    assert sign_in(browser, github).status == 503
