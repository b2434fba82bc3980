"""A stand-in for GitHub that answers as GitHub documents, and takes no request that GitHub would not take.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps · REST: get the authenticated
user, list organization memberships of the authenticated user, list teams, list email addresses.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pilotage.adapters.identity_providers.asking import challenge

SECRET = "a secret of an app"
_AUTHORIZE = {
    "client_id", "redirect_uri", "login", "scope", "state", "code_challenge", "code_challenge_method", "allow_signup",
    "prompt",
}  # fmt: skip
_EXCHANGE = {"client_id", "client_secret", "code", "redirect_uri", "code_verifier"}
_SCOPES = {
    "/api/v3/user": "", "/api/v3/user/memberships/orgs": "read:org", "/api/v3/user/teams": "read:org",
    "/api/v3/user/emails": "user:email",
}  # fmt: skip
_QUERIES = {
    "/api/v3/user": set[str](), "/api/v3/user/memberships/orgs": {"state", "per_page", "page"},
    "/api/v3/user/teams": {"per_page", "page"}, "/api/v3/user/emails": {"per_page", "page"},
}  # fmt: skip


@dataclass
class Hub:
    """GitHub's endpoints that matter, on one port as GitHub Enterprise Server has them. callback: of the app, as it was
    registered; any if it is empty · codes: what was asked for each that is not used yet · wrong: requests against the
    documentation."""

    port: int = 0
    client: str = "Iv1.8a61f9b3a7aba766"
    callback: str = ""
    user: dict[str, Any] = field(default_factory=lambda: {"id": 583231, "login": "Octocat", "type": "User"})
    organizations: list[tuple[str, str]] = field(default_factory=lambda: [("Acme", "active"), ("other", "active")])
    teams: list[tuple[str, str]] = field(default_factory=lambda: [("acme", "release"), ("other", "release")])
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def come_back(self, address: str) -> dict[str, str]:
        """What GitHub adds to the address to which it sends a person back, who agreed."""
        assert address.startswith(f"{self.url}/"), address
        connection = http.client.HTTPConnection("localhost", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", address.removeprefix(self.url))
            answer = connection.getresponse()
            text = answer.read().decode()
        assert answer.status == 302, text
        return _flat(urlsplit(answer.headers["Location"]).query)

    def authorize(self, asked: dict[str, str]) -> tuple[int, str]:
        """A status, and where the browser is sent."""
        self._only("authorize", asked, _AUTHORIZE)
        if asked.get("client_id") != self.client:
            return 404, ""
        place = asked.get("redirect_uri", self.callback)
        if self.callback and not place.startswith(self.callback):
            return 302, f"{self.callback}?{urlencode({'error': 'redirect_uri_mismatch', 'state': asked['state']})}"
        if asked.get("code_challenge_method", "S256") != "S256":
            self.wrong.append("GitHub knows no other method than S256")
        code = secrets.token_hex(10)
        self.codes[code] = asked
        return 302, f"{place}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, given: dict[str, str]) -> Mapping[str, str]:
        """GitHub answers 200 also to what it refuses."""
        self._only("access_token", given, _EXCHANGE)
        asked = self.codes.pop(given.get("code", ""), None)
        if (given.get("client_id"), given.get("client_secret")) != (self.client, SECRET):
            return _refused("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
        if asked is None or challenge(given.get("code_verifier", "")) != asked["code_challenge"]:
            return _refused("bad_verification_code", "The code passed is incorrect or expired.")
        if given.get("redirect_uri", asked["redirect_uri"]) != asked["redirect_uri"]:
            return _refused("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL.")
        token = f"gho_{secrets.token_hex(18)}"
        self.tokens[token] = asked["scope"]
        return {"access_token": token, "scope": asked["scope"].replace(" ", ","), "token_type": "bearer"}

    def read(self, path: str, query: dict[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        if not headers.get("User-Agent"):
            return 403, {"message": "Request forbidden by administrative rules. Please make sure your request has…"}
        scope = self.tokens.get(headers.get("Authorization", "").removeprefix("Bearer "))
        if scope is None:
            return 401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}
        if path not in _SCOPES or (_SCOPES[path] and _SCOPES[path] not in scope.split()):
            return 404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}
        self._only(path, query, _QUERIES[path])
        if path == "/api/v3/user":
            return 200, self.user
        size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
        if size > 100:
            self.wrong.append(f"{path}: at most 100 a page")
        return 200, self._listed(path, query)[(page - 1) * size : page * size]

    def _listed(self, path: str, query: dict[str, str]) -> list[Any]:
        if path.endswith("/orgs"):
            return [
                {"state": state, "role": "member", "organization": {"login": login, "id": 1}}
                for login, state in self.organizations
                if query.get("state", state) == state
            ]
        if path.endswith("/teams"):
            return [
                {"slug": slug, "name": slug.title(), "organization": {"login": login}} for login, slug in self.teams
            ]
        mine = f"{str(self.user.get('login', '')).lower()}@github.com"
        return [
            {"email": "other@example.org", "primary": False, "verified": True, "visibility": None},
            {"email": mine, "primary": True, "verified": True, "visibility": "public"},
        ]

    def _only(self, where: str, given: Mapping[str, str], known: set[str]) -> None:
        self.wrong += [f"{where} has no parameter {name}" for name in sorted(set(given) - known)]


def _refused(error: str, about: str) -> Mapping[str, str]:
    return {"error": error, "error_description": about, "error_uri": "https://docs.github.com/apps"}


def _flat(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/login/oauth/authorize":
            status, place = self.hub.authorize(_flat(parts.query))
            self._answer(status, "", "text/html", Location=place)
            return
        status, content = self.hub.read(parts.path, _flat(parts.query), dict(self.headers.items()))
        self._answer(status, json.dumps(content), "application/json; charset=utf-8")

    def do_POST(self) -> None:
        given = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path != "/login/oauth/access_token":
            self._answer(404, "Not Found", "text/plain")
            return
        said = self.hub.exchange(given)
        if self.headers["Accept"] == "application/json":
            self._answer(200, json.dumps(said), "application/json; charset=utf-8")
        else:
            self._answer(200, urlencode(said), "application/x-www-form-urlencoded; charset=utf-8")

    def _answer(self, status: int, text: str, media: str, **more: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": media, "Content-Length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def hub() -> Iterator[Hub]:
    """One that listens. Afterwards it must have got nothing that GitHub does not know."""
    made = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": made}))
    made.port = server.server_port
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert made.wrong == []
