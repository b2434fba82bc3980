"""R34: signing in with Dex, an identity provider that companies run, as a program of its own.

Dex comes in no package of Debian or PyPI. Build it (`go build ./cmd/dex` in github.com/dexidp/dex), put it on PATH or
into DEX, and run this test with PILOTAGE_LIVE=long.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.model.access import Grant, HolderKind
from tests.monitors import wait_for
from tests.web.browsers import Browser
from tests.web.site import CONFIG, Got, Served, served

pytestmark = [pytest.mark.real, pytest.mark.long]

_OF_PASSWORD = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
_SECRET = "a secret of the client"
CALLBACK = "/login/with/company/callback"


def program() -> str:
    if (found := os.environ.get("DEX") or shutil.which("dex")) is None:
        pytest.skip("Dex is not here: see this file's first lines")
    return found


class Dex:
    """people: groups by login name; everybody's password is `password`."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.issuer = f"http://localhost:{self.port}/dex"
        self.people = {"ada": ["engineering", "release"], "eve": ["sales"]}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, callback: str, secret: str = _SECRET) -> None:
        passwords = [
            {
                "email": f"{name}@example.com", "hash": _OF_PASSWORD, "username": name, "name": name.title(),
                "preferredUsername": name, "emailVerified": True, "userID": f"{name}-1", "groups": groups,
            }
            for name, groups in self.people.items()
        ]  # fmt: skip
        settings = {
            "issuer": self.issuer, "storage": {"type": "memory"}, "web": {"http": f"127.0.0.1:{self.port}"},
            "oauth2": {"skipApprovalScreen": True}, "enablePasswordDB": True, "staticPasswords": passwords,
            "staticClients": [{"id": "pilotage", "name": "Pilotage", "secret": secret, "redirectURIs": [callback]}],
        }  # fmt: skip
        (self._folder / "dex.json").write_text(json.dumps(settings))
        with (self._folder / "dex.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program(), "serve", self._folder / "dex.json"], stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(self._ready, (self._folder / "dex.log").read_text)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_in(self, address: str, name: str, password: str = "password") -> str:
        """What a person's browser does there, from the address that the server sent it to; the one that it is sent back
        to, or the page that asks again."""
        status, place, page = self._ask("GET", address)
        while status in (302, 303):
            address = place
            status, place, page = self._ask("GET", address)
        action = re.search(r'<form[^>]*action="([^"]*)"', page)
        assert action, page
        form = urlencode({"login": f"{name}@example.com", "password": password})
        status, place, page = self._ask("POST", unescape(action[1]), form)
        while status in (302, 303) and CALLBACK not in place:
            status, place, page = self._ask("GET", place)
        return place or page

    def _ask(self, method: str, address: str, form: str = "") -> tuple[int, str, str]:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection("localhost", self.port, timeout=20)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        connection.request(method, f"{parts.path}?{parts.query}", form, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("Location", ""), text

    def _ready(self) -> bool:
        try:
            return self._ask("GET", "/dex/.well-known/openid-configuration")[0] == 200
        except OSError:
            return False


@pytest.fixture
def dex(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dex]:
    program()
    monkeypatch.setenv("COMPANY_SECRET", _SECRET)
    made = Dex(tmp_path_factory.mktemp("dex"))
    yield made
    made.stop()


@pytest.fixture
def server(dex: Dex, tmp_path: Path) -> Iterator[Served]:
    config = CONFIG + (
        "server:\n  sign_in:\n    - kind: oidc\n      name: company\n      title: Example Ltd\n"
        f"      issuer: {dex.issuer}\n      client_id: pilotage\n      client_secret: secret://env/COMPANY_SECRET\n"
        "      scopes: [openid, profile, email, groups]\n      groups_claim: groups\n"
        "      admit: {groups: [engineering]}\n      allow_private_network: true\n"
    )
    with served(tmp_path, config) as found:
        yield found


def begin(browser: Browser) -> str:
    got = browser.get("/login/with/company")
    assert got.status == 303, got.text
    return got.headers["location"]


def finish(browser: Browser, place: str) -> Got:
    parts = urlsplit(place)
    assert parts.path == CALLBACK, place
    return browser.get(f"{parts.path}?{parts.query}")


def test_r34_dex_signs_in_who_is_of_the_group_with_the_roles_of_the_group(server: Served, dex: Dex) -> None:
    dex.start(f"{server.url}{CALLBACK}")
    store = server.store
    store.persons.grant(HolderKind.GROUP, "company:release", Grant(role="deployer"), "root", time.time())
    browser = Browser(server)
    place = dex.log_in(begin(browser), "ada")
    got = finish(browser, place)
    assert (got.status, got.headers["location"]) == (303, "/"), got.text
    assert "ada · deployer" in browser.get("/").text
    ada = store.persons.called("ada")
    assert (ada.issuer, ada.email, ada.groups) == (
        dex.issuer, "ada@example.com", ("company:engineering", "company:release"),
    )  # fmt: skip
    assert finish(Browser(server), place).status == 401, "another browser with the same answer"
    assert finish(browser, place).status == 401, "the same answer twice"
    assert "assword" in dex.log_in(begin(Browser(server)), "ada", "wrong"), "Dex asks again"
    other = Browser(server)
    assert finish(other, dex.log_in(begin(other), "eve")).status == 403, "of no group that is admitted"
    assert [one.name for one in store.persons.all()] == ["ada"]


def test_r34_a_dex_that_knows_another_secret_signs_in_nobody(server: Served, dex: Dex) -> None:
    dex.start(f"{server.url}{CALLBACK}", secret="another")
    browser = Browser(server)
    got = finish(browser, dex.log_in(begin(browser), "ada"))
    assert (got.status, server.store.persons.all()) == (401, ()), got.text
    dex.stop()
    got = Browser(server).get("/login/with/company")
    assert got.status in (303, 503), got.text
