"""A real server on a socket, over a real store with rollouts in it; no worker runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

from pilotage import Service
from pilotage.app.identity import sessions, tokens
from pilotage.app.project import Project
from pilotage.model.access import Grant, HolderKind, Proof
from pilotage.model.record import Rollout
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from pilotage.web.credentials import cookie_name
from pilotage.web.limits import Limits
from pilotage.web.server import application
from pilotage.web.site import Site
from tests.plans import a_plan

CONFIG = """\
service: company
answers:
  release_type: minor
  deployment_strategy: canary
  team_size: small
  release_frequency: weekly
  risk_tolerance: low
  stakeholder_complexity: [internal-only]
services:
  shop:
    environments:
      production:
        fleet: {kind: process, command: ["{version}/serve", "{port}"], count: 2, health_check_path: /}
        router: {kind: envoy, listen: "127.0.0.1:18080"}
      staging:
        fleet: {kind: process, command: ["{version}/serve", "{port}"], count: 1, health_check_path: /}
        router: {kind: envoy, listen: "127.0.0.1:18081"}
  search:
    environments:
      production:
        fleet: {kind: process, command: ["{version}/serve", "{port}"], count: 2, health_check_path: /}
        router: {kind: envoy, listen: "127.0.0.1:18082"}
"""


def with_flag(text: str) -> str:
    """The same configuration, with a flag in production."""
    lines = text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "18080" in line)
    flag = "        flag: {file: flags.json, key: new-checkout, owner: ada}\n"
    return "".join([*lines[: at + 1], flag, *lines[at + 1 :]])


def committed(folder: Path, *tags: str) -> None:
    """A repository there, with a commit for each tag."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    for number, tag in enumerate(tags):
        (folder / "shop.py").write_text("print('open')\n" * (number + 1))
        git("add", "shop.py")
        git("commit", "-q", "-m", f"feat: shelf {number}")
        git("tag", tag)


@dataclass(frozen=True, kw_only=True)
class Got:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Client:
    """Somebody who asks: with a token, or as a browser with a session's cookie."""

    served: Served
    token: str = ""
    cookie: str = ""
    csrf: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Got:
        """JSON to the API."""
        return self.ask(
            "POST", path, json.dumps({} if body is None else body).encode(),
            {"Content-Type": "application/json", **headers},
        )  # fmt: skip

    def submit(self, path: str, **fields: str) -> Got:
        """A page's form, as a browser sends it."""
        form = urlencode({"csrf": self.csrf, **fields}).encode()
        return self.ask("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Got:
        own = {"Sec-Fetch-Site": "same-origin"} if self.cookie else {}
        if self.token:
            own["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            own["Cookie"] = self.cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, {**own, **self.headers, **headers})
            answer = connection.getresponse()
            given = {name: answer.headers[name] for name, _ in answer.getheaders()}
            cookies = {"set-cookie": ", ".join(answer.headers.get_all("set-cookie") or ())}
            return Got(status=answer.status, headers={**given, **cookies}, body=answer.read())


@dataclass
class Served:
    """The server under test."""

    site: Site
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Any:
        return self.site.store

    def person(self, name: str, *roles: str) -> None:
        """roles: such as `deployer` or `deployer@shop/production`."""
        if self.site.store.persons.called(name) is None:
            self.site.store.persons.add(name, time.time())
        for role in roles:
            self.site.store.persons.grant(HolderKind.PERSON, name, granted(role), "tests", time.time())

    def with_token(self, name: str, *scopes: str, expires_at: float | None = None) -> Client:
        text = tokens.issue(
            self.site.store, name, "tests", [granted(one) for one in scopes], name, expires_at
        )  # fmt: skip
        return Client(self, token=text)

    def signed_in(self, name: str) -> Client:
        """A browser with a session."""
        from pilotage.web import forgery

        person = self.site.store.persons.called(name)
        assert person is not None
        secret = sessions.begin(self.site.store, person, Proof.PASSWORD, "127.0.0.1", "tests")
        return Client(
            self, cookie=f"{cookie_name(self.site)}={secret}", csrf=forgery.token_of(secret)
        )  # fmt: skip

    def anybody(self) -> Client:
        return Client(self)

    def rollout(self, service: str = "shop", environment: str = "production", version: str = "2.4.0") -> Rollout:
        """One under way, that no worker drives."""
        plan = a_plan(version=version, service=Service(name=service, environment=environment))
        return self.site.store.create(plan, begin(plan, "2.3.1", Mode.FULL), Snapshot(), "dora", time.time())


def granted(role: str) -> Grant:
    name, _, where = role.partition("@")
    service, _, environment = where.partition("/")
    return Grant(role=name, service=service or "*", environment=environment or "*")


@contextlib.contextmanager
def served(folder: Path, config: str = CONFIG) -> Iterator[Served]:
    (folder / "pilotage.yaml").write_text(config)
    site = Site(
        project=Project(folder / "pilotage.yaml"),
        limits=Limits(minute=0, anonymous=0, public=0, streams=0, streams_of_address=0),
    )
    server = uvicorn.Server(
        uvicorn.Config(application(site), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )  # fmt: skip
    site.ending = lambda: server.should_exit
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(site, port)
    finally:
        server.should_exit = True
        thread.join(10)
        site.store.close()
