"""R34: signing in with GitHub, against a stand-in that answers as GitHub documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from pilotage.app.identity.links import first_link
from pilotage.app.identity.policy import policy_of
from pilotage.model.access import Grant, HolderKind
from tests.web.browsers import GOOD, Browser
from tests.web.github_hub import SECRET, Hub, hub
from tests.web.site import CONFIG, Got, Served, served

CALLBACK = "/login/with/github/callback"


def configured(url: str, organizations: str) -> str:
    return CONFIG + (
        "server:\n  sign_in:\n    - kind: github\n      client_id: Iv1.8a61f9b3a7aba766\n"
        f"      client_secret: secret://env/GITHUB_SECRET\n      organizations: {organizations}\n"
        f"      url: {url}\n      allow_private_network: true\n"
    )


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("GITHUB_SECRET", SECRET)
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


DOCUMENTED = Path(__file__).parents[2] / "docs/server.md"


def test_r34_the_lines_of_the_documentation_sign_in_a_team_of_three(github: Hub, tmp_path: Path) -> None:
    """docs/server.md: the app is registered with the callback address that the page names, and `pilotage.yaml` has its
    lines word by word. Only where GitHub is differs."""
    text = DOCUMENTED.read_text().split("## A team of three on one machine")[1]
    (callback,) = re.findall(r"`(https://[^`]*/login/with/github/callback)`", text)
    block = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    lines = re.sub("(?m)^    ", "", block)
    github.callback, github.client, github.organizations = callback, "Ov23liExample", [("example", "active")]
    here = f"      url: {github.url}\n      allow_private_network: true\n"
    with served(tmp_path, f"{CONFIG}{lines.rstrip()}\n{here}") as server:
        server.site.url = policy_of(server.site.project).url  # as `serve` does
        host = urlsplit(callback).netloc
        owner = Browser(server, host)
        link = f"/link/{first_link(server.store)}"
        owner.get(link)
        assert owner.submit(link, name="owner", password=GOOD, again=GOOD).status == 303
        for number, (login, role) in enumerate((("ada", "deployer"), ("bob", "approver")), 1):
            github.user = {"id": number, "login": login, "type": "User"}
            browser = Browser(server, host)
            assert "Sign in with GitHub" in browser.get("/login").text
            assert sign_in(browser, github).status == 303
            assert f"{login} · no role" in browser.get("/").text
            owner.get("/settings/people")
            given = owner.submit("/settings/people", do="give", kind="person", holder=login, role=role, place="")
            assert given.status == 303, given.text
            assert f"{login} · {role}" in browser.get("/").text
        github.user, github.organizations = {"id": 3, "login": "eve", "type": "User"}, [("other", "active")]
        assert sign_in(Browser(server, host), github).status == 403


def test_r34_an_app_that_is_registered_for_another_address_signs_in_nobody(server: Served, github: Hub) -> None:
    github.callback = "https://elsewhere.example/login/with/github/callback"
    got = sign_in(Browser(server), github)
    assert (got.status, "redirect_uri_mismatch" in got.text) == (401, True), got.text
