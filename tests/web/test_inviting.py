"""R34: administrators invite people, and let in who is locked out, by links that are shown once."""

from __future__ import annotations

import re
import time

import pytest

from pilotage.app.identity.links import first_link
from pilotage.app.identity.tokens import issue
from pilotage.app.permissions import Permission
from pilotage.engine.records.roles import CustomRole
from pilotage.model.access import Grant, TokenPurpose
from tests.receivers import Mailbox, mail_server
from tests.web.browsers import GOOD, Browser
from tests.web.site import Client, Got, Served


@pytest.fixture
def owner(server: Served) -> Browser:
    link = f"/link/{first_link(server.store)}"
    found = Browser(server)
    found.get(link)
    assert found.submit(link, name="ada", password=GOOD, again=GOOD).status == 303
    return found


def link_in(server: Served, got: Got) -> str:
    found = re.search(rf"<code>{server.url}(/link/[\w-]+)</code>", got.text)
    assert found, got.text
    return found[1]


def test_r34_an_invitation_gives_the_role_that_was_chosen(server: Served, owner: Browser) -> None:
    owner.get("/settings/people/invite")
    got = owner.submit(
        "/settings/people/invite", name="bob", email="bob@example.org", role="deployer", place="shop/staging"
    )
    bob = Browser(server)
    link = link_in(server, got)
    page = bob.get(link).text
    assert 'value="bob"' in page
    assert "ada invites you as deployer of shop in staging." in page
    assert bob.submit(link, name="admin", password=GOOD, again=GOOD).status == 303
    person = server.store.persons.called("bob")
    assert (person.email, person.emergency) == ("bob@example.org", False), "the name is the one that was invited"
    assert "bob · deployer" in bob.get("/").text
    assert server.store.persons.called("admin") is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "ada"}, "there is a person called"),
        ({"name": "a b"}, "cannot be a name"),
        ({"name": "cleo", "email": "nowhere"}, "is no mail address"),
        ({"name": "cleo", "role": "king"}, "king"),
    ],
)
def test_a_wrong_invitation_is_one_sentence(owner: Browser, fields: dict[str, str], words: str) -> None:
    owner.get("/settings/people/invite")
    got = owner.submit("/settings/people/invite", **fields)
    assert got.status in (400, 409)
    assert words in got.text


@pytest.mark.usefixtures("owner")
def test_r34_nobody_invites_or_recovers_somebody_who_may_more(server: Served) -> None:
    """Else whoever manages people would become an administrator by a link."""
    role = CustomRole(name="helper", permissions=(Permission.MANAGE_PEOPLE.value,), by="ada", at=1.0)
    server.store.roles.save_custom(role)
    server.person("eve", "helper")
    server.person("bob", "helper")
    eve = server.signed_in("eve")
    assert eve.submit("/settings/people/invite", name="mallory", role="admin").status == 403
    assert eve.submit("/settings/people/recover", name="ada").status == 403
    assert eve.submit("/settings/people/recover", name="bob").status == 200


@pytest.mark.usefixtures("owner")
def test_r34_only_who_manages_people_invites(server: Served) -> None:
    server.person("eve", "approver")
    eve = server.signed_in("eve")
    assert eve.get("/settings/people/invite").status == 403
    assert eve.submit("/settings/people/invite", name="mallory", role="admin").status == 403
    assert eve.submit("/settings/people/recover", name="ada").status == 403


def test_r34_an_administrator_lets_somebody_in_who_is_locked_out(server: Served, owner: Browser) -> None:
    server.person("bob", "viewer")
    owner.get("/settings/people")
    link, bob = link_in(server, owner.submit("/settings/people/recover", name="bob")), Browser(server)
    bob.get(link)
    assert bob.submit(link, password=GOOD, again=GOOD).status == 303
    assert "bob · viewer" in bob.get("/").text


def test_r34_a_link_from_before_an_account_was_closed_opens_it_no_more(server: Served, owner: Browser) -> None:
    server.person("bob", "approver")
    owner.get("/settings/people")
    link, bob = link_in(server, owner.submit("/settings/people/recover", name="bob")), Browser(server)
    assert server.store.roles.disable("bob", time.time())
    assert bob.get(link).status == 410
    assert bob.submit(link, password=GOOD, again=GOOD).status == 410
    assert server.store.persons.called("bob").disabled_at is not None
    # An administrator may still let them in again.
    owner.get("/settings/people")
    link = link_in(server, owner.submit("/settings/people/recover", name="bob"))
    bob.get(link)
    assert bob.submit(link, password=GOOD, again=GOOD).status == 303


def test_r34_a_new_password_by_link_ends_command_lines_too(server: Served, owner: Browser) -> None:
    """They are as good as a session, and whoever took the account may have signed one in."""
    server.person("bob", "viewer")
    tokens_of = {
        purpose: Client(
            server, token=issue(server.store, "bob", "x", [Grant(role="viewer")], "bob", None, purpose=purpose)
        )
        for purpose in (TokenPurpose.COMMAND_LINE, TokenPurpose.PERSONAL)
    }
    assert [one.get("/api/v1/who").status for one in tokens_of.values()] == [200, 200]
    owner.get("/settings/people")
    link, bob = link_in(server, owner.submit("/settings/people/recover", name="bob")), Browser(server)
    bob.get(link)
    assert bob.submit(link, password=GOOD, again=GOOD).status == 303
    assert [one.get("/api/v1/who").status for one in tokens_of.values()] == [401, 200]


def test_r34_the_link_goes_by_mail_and_never_through_the_store(server: Served, owner: Browser) -> None:
    mailbox, fields = Mailbox(), {"name": "bob", "email": "bob@example.org", "mail": "on"}
    with mail_server(mailbox, None) as port:
        assert 'name="mail"' not in owner.get("/settings/people/invite").text, "there is no mail channel yet"
        file = server.site.project.config
        channel = f"kind: email, host: 127.0.0.1, port: {port}, encryption: none, allow_private_network: true"
        channel += ", sender: pilotage@example.org, to: [ops@example.org]"
        file.write_text(f"{file.read_text()}notify:\n  - {{{channel}}}\n")
        assert 'name="mail"' in owner.get("/settings/people/invite").text
        got = owner.submit("/settings/people/invite", **fields)
    link = link_in(server, got)
    assert "on its way to bob@example.org" in got.text
    (mail,) = mailbox.mails
    assert mail["To"] == "bob@example.org"
    assert f"{server.url}{link}" in mailbox.shown()
    kept = b"".join(path.read_bytes() for path in server.store.directory.glob("pilotage.sqlite*"))
    assert link.rpartition("/")[2].encode() not in kept
    owner.get("/settings/people/invite")
    assert "The mail did not go out" in owner.submit("/settings/people/invite", **fields | {"name": "cleo"}).text
