"""R34: accounts in the shell of the server's machine: invite, recover, disable; break-glass."""

from __future__ import annotations

import json

import pytest

from pilotage.app.identity.links import first_link
from tests.typed import typed
from tests.web.browsers import GOOD, Browser
from tests.web.site import Served


@pytest.fixture
def owner(server: Served) -> Browser:
    link = f"/link/{first_link(server.store)}"
    found = Browser(server)
    found.get(link)
    assert found.submit(link, name="ada", password=GOOD, again=GOOD).status == 303
    return found


def shell(server: Served, *arguments: str, status: int = 0) -> str:
    done = typed("user", *arguments, cwd=server.site.project.folder)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def path(link: str) -> str:
    return "/link/" + link.strip().rpartition("/link/")[2]


def used(server: Served, link: str, password: str = GOOD) -> int:
    browser = Browser(server)
    browser.get(path(link))
    return browser.submit(path(link), password=password, again=password).status


@pytest.mark.usefixtures("owner")
def test_r34_an_invited_person_sets_a_password_and_has_the_roles(server: Served) -> None:
    link = shell(server, "add", "bob", "--role", "deployer@shop/production", "--url", "https://x.example/pilotage/")
    assert link.startswith("https://x.example/pilotage/link/")
    assert used(server, link) == 303
    assert used(server, link) == 410
    (bob,) = (one for one in json.loads(shell(server, "list", "--json"))["people"] if one["name"] == "bob")
    assert (bob["roles"], bob["ways"], bob["emergency"]) == (["deployer of shop/production"], ["password"], False)
    assert "there is a person called 'bob' already" in shell(server, "add", "bob", status=7)
    assert "king" in shell(server, "add", "cleo", "--role", "king", status=2)


def test_r34_who_is_locked_out_gets_a_link_that_ends_what_a_thief_may_have(server: Served, owner: Browser) -> None:
    link = shell(server, "recover", "ada")
    assert owner.get("/").status == 200, "nothing changes before the link is used"
    assert used(server, link, "green kettle seven moons") == 303
    assert owner.get("/").status == 303
    ada = Browser(server)
    ada.get("/login")
    assert ada.submit("/login", name="ada", password=GOOD).status == 401
    assert ada.submit("/login", name="ada", password="green kettle seven moons").status == 303
    assert "nobody is called 'eve'; there is ada" in shell(server, "recover", "eve", status=2)


def test_r34_a_disabled_account_is_closed_but_never_the_last_that_manages(server: Served, owner: Browser) -> None:
    assert "last" in shell(server, "disable", "ada", status=7)
    used(server, shell(server, "add", "bob", "--role", "admin"))
    token = server.with_token("ada", "admin")
    shell(server, "disable", "ada")
    assert owner.get("/").status == 303
    assert token.get("/api/v1/rollouts").status == 401
    assert "disabled" in shell(server, "list")
    shell(server, "enable", "ada")
    assert token.get("/api/v1/rollouts").status == 200


@pytest.mark.usefixtures("owner")
def test_r34_where_passwords_are_for_emergencies_only_marked_accounts_have_one(server: Served) -> None:
    used(server, shell(server, "add", "bob", "--role", "viewer"))
    file = server.site.project.config
    file.write_text(file.read_text() + "server: {passwords: emergency}\n")

    def status(name: str) -> int:
        browser = Browser(server)
        browser.get("/login")
        return browser.submit("/login", name=name, password=GOOD).status

    assert (status("bob"), status("ada")) == (401, 303), "the owner's account is one for emergencies"
    used(server, shell(server, "recover", "bob", "--emergency"))
    assert status("bob") == 303
