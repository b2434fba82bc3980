"""R34: nobody gives, takes or resets what they do not hold, or takes a name that means something; the log says who."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pilotage.app.identity.links import first_link
from tests.web.browsers import GOOD, Browser
from tests.web.site import CONFIG, Client, Served, served

PEOPLE = """\
people:
  ada:
    roles: [release manager]
    aliases: [ada.lovelace]
"""


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with served(tmp_path, CONFIG + PEOPLE) as found:
        yield found


@pytest.fixture
def lead(server: Served) -> Client:
    """Somebody who may manage people, and do nothing else."""
    server.person("root", "admin")
    root = server.signed_in("root")
    assert (
        root.post("/api/v1/access/roles/people-lead", {"permissions": ["manage-people", "read", "report"]}).status
        == 200
    )
    server.person("lead", "people-lead")
    return server.signed_in("lead")


def rows(server: Served, action: str) -> list[Any]:
    server.person("root", "admin")
    return list(server.signed_in("root").get(f"/api/v1/audit?action={action}").json["rows"])


def test_r34_who_manages_people_does_not_shut_out_or_reset_who_may_more(server: Served, lead: Client) -> None:
    server.person("bob", "viewer")
    server.person("second", "admin")
    for path in ("/api/v1/access/people/root/disable", "/api/v1/access/people/root/enable"):
        assert lead.post(path).status == 403
    assert lead.submit("/settings/people", do="disable", kind="person", holder="root").status == 403
    assert lead.submit("/settings/people/recover", name="root").status == 403
    assert server.store.persons.called("root").disabled_at is None
    assert lead.post("/api/v1/access/people/bob/disable").status == 200


def test_r34_who_manages_people_changes_no_role_that_may_more(server: Served, lead: Client) -> None:
    root = server.signed_in("root")
    assert root.post("/api/v1/access/roles/stopper", {"permissions": ["take-back"]}).status == 200
    got = lead.post("/api/v1/access/roles/stopper", {"permissions": ["read"]})
    assert (got.status, got.json["detail"][:15]) == (403, "you cannot make")
    assert lead.post("/api/v1/access/roles/stopper/delete").status == 403
    assert server.store.persons.custom_roles()["stopper"] == {"return traffic to stable"}


def test_r34_an_emergency_account_is_made_by_who_may_do_everything(lead: Client) -> None:
    got = lead.submit("/settings/people/invite", name="eve", emergency="on")
    assert got.status == 403
    assert "only somebody who may do everything" in got.text


def test_r34_a_link_into_an_account_that_got_more_since_opens_it_no_more(server: Served, lead: Client) -> None:
    server.person("bob", "viewer")
    link = link_in(server, lead.submit("/settings/people/recover", name="bob").text)
    server.person("bob", "admin")
    got = Browser(server)
    got.get(link)
    answer = got.submit(link, password=GOOD, again=GOOD)
    assert answer.status == 410
    assert "more roles since" in answer.text


def test_r34_only_an_admin_lets_anybody_into_an_account_whose_name_has_roles_in_the_configuration(
    server: Served, lead: Client
) -> None:
    """A recovered account gives its word in the roles of `people`, whatever roles it has on the server."""
    server.person("ada", "viewer")
    for got in (
        lead.submit("/settings/people/recover", name="ada"),
        lead.post("/api/v1/access/people/ada/disable"),
        lead.post("/api/v1/access/people/ada/enable"),
    ):
        assert (got.status, "only an admin changes this account" in got.text) == (403, True)
    root = server.signed_in("root")
    link, ada = link_in(server, root.submit("/settings/people/recover", name="ada").text), Browser(server)
    ada.get(link)
    assert ada.submit(link, password=GOOD, again=GOOD).status == 303


def test_r34_a_link_into_an_account_that_the_configuration_names_since_opens_it_no_more(
    server: Served, lead: Client
) -> None:
    server.person("bob", "viewer")
    recovery = link_in(server, lead.submit("/settings/people/recover", name="bob").text)
    invitation = link_in(server, lead.submit("/settings/people/invite", name="cleo").text)
    by_admin = link_in(server, server.signed_in("root").submit("/settings/people/invite", name="dora").text)
    names = "".join(f"  {name}: {{roles: [qa lead]}}\n" for name in ("bob", "cleo", "dora"))
    server.site.project.config.write_text(CONFIG + PEOPLE + names)
    for link, status in ((recovery, 400), (invitation, 400), (by_admin, 303)):
        guest = Browser(server)
        guest.get(link)
        assert guest.submit(link, password=GOOD, again=GOOD).status == status


def link_in(server: Served, text: str) -> str:
    address = text.partition(f"<code>{server.url}")[2].partition("</code>")[0]
    assert address, text
    return address


def test_r34_nobody_joins_under_a_name_of_the_configuration(server: Served, lead: Client) -> None:
    root = server.signed_in("root")
    link = link_in(server, root.submit("/settings/people/invite", role="viewer", place="").text)
    guest = Browser(server)
    guest.get(link)
    for name in ("ada", "Ada.Lovelace"):
        got = guest.submit(link, name=name, password=GOOD, again=GOOD)
        assert got.status == 400
        assert "is a name of ada in `people`" in got.text
    assert guest.submit(link, name="eve", password=GOOD, again=GOOD).status == 303
    assert lead.submit("/settings/people/invite", name="ada").status == 403
    named = link_in(server, root.submit("/settings/people/invite", name="ada").text)
    ada = Browser(server)
    ada.get(named)
    assert ada.submit(named, name="", password=GOOD, again=GOOD).status == 303


def test_r34_the_log_names_who_invited_and_who_joined(server: Served) -> None:
    server.person("root", "admin")
    link = link_in(server, server.signed_in("root").submit("/settings/people/invite", name="bob", role="viewer").text)
    bob = Browser(server)
    bob.get(link)
    assert bob.submit(link, password=GOOD, again=GOOD).status == 303
    (invited,) = rows(server, "invite")
    assert (invited["actor"], invited["object"], invited["after"]["links"][0]["grants"]) == ("root", "bob", ["viewer"])
    (joined,) = rows(server, "accept-invitation")
    assert (joined["actor"], joined["proof"], joined["reason"]) == ("bob", "one-time link", "the link was made by root")
    assert joined["address"] == "127.0.0.1"


def test_r34_the_log_names_whose_command_line_was_signed_in(server: Served) -> None:
    server.person("ada", "deployer")
    asked = server.anybody().post("/api/v1/login", {"host": "laptop"}).json
    got = server.signed_in("ada").submit("/login/device", code=asked["code"], answer="allow")
    assert got.status == 200
    assert server.anybody().post("/api/v1/login/token", {"secret": asked["secret"]}).status == 200
    (made,) = [one for one in rows(server, "sign-in") if "tokens" in (one["after"] or {})]
    assert (made["actor"], made["proof"], made["address"]) == ("ada", "password", "127.0.0.1")


def test_r34_open_invitations_are_listed_and_withdrawn(server: Served) -> None:
    server.person("root", "admin")
    root = server.signed_in("root")
    link = link_in(server, root.submit("/settings/people/invite", name="bob", role="viewer").text)
    (listed,) = root.get("/api/v1/access/invitations").json["invitations"]
    assert (listed["name"], listed["grants"], listed["by"], listed["purpose"]) == (
        "bob", ["viewer"], "root", "invitation",
    )  # fmt: skip
    assert "Open invitations" in root.get("/settings/people").text
    assert root.post(f"/api/v1/access/invitations/{listed['id']}/revoke").status == 200
    assert root.get("/api/v1/access/invitations").json["invitations"] == []
    assert server.anybody().get(link).status == 410
    assert root.post(f"/api/v1/access/invitations/{listed['id']}/revoke").status == 404
    assert "Open invitations" not in root.get("/settings/people").text


def test_r34_why_names_only_what_the_reader_sees(server: Served) -> None:
    server.person("root", "admin")
    server.person("sue", "deployer@search/production")
    server.person("viv", "viewer@shop/production")
    viv = server.signed_in("viv")
    assert "search" not in viv.get("/why").text.replace('type="search"', "").replace('role="search"', "")
    got = viv.get("/api/v1/access/why?action=deploy&service=search&environment=production").json
    assert not any("sue" in one for one in got["who"])
    here = viv.get("/api/v1/access/why?action=deploy&service=shop&environment=production").json
    assert any("root" in one for one in here["who"])
    refused = viv.submit("/settings/tokens", name="x", days="9", grants="viewer@nowhere")
    assert "there is no service" in refused.text
    assert "search" not in refused.text.partition("there is no service")[2][:60]


def test_r34_a_role_of_ones_own_is_made_of_ticks(server: Served) -> None:
    server.person("root", "admin")
    root = server.signed_in("root")
    page = root.get("/settings/people").text
    assert '<input type="checkbox" name="may-take-back">' in page
    got = root.submit("/settings/people", do="role", name="stopper", **{"may-take-back": "on", "may-read": "on"})
    assert got.status == 303
    assert server.store.persons.custom_roles()["stopper"] == {"return traffic to stable", "read"}
    wrong = root.submit("/settings/people", do="role", name="Bad Name", **{"may-read": "on"})
    assert wrong.status == 400
    assert 'name="may-read" checked' in wrong.text
    assert 'value="Bad Name"' in wrong.text


def test_r34_the_form_of_tokens_is_empty_once_one_was_made(server: Served) -> None:
    server.person("ada", "viewer")
    got = server.signed_in("ada").submit("/settings/tokens", name="my dashboard", days="9", grants="")
    assert got.status == 200
    assert 'value="my dashboard"' not in got.text


def test_r34_the_owner_may_have_any_name(server: Served) -> None:
    link = f"/link/{first_link(server.store)}"
    browser = Browser(server)
    browser.get(link)
    assert browser.submit(link, name="ada", password=GOOD, again=GOOD).status == 303


def test_r34_an_invitation_gives_no_more_than_who_made_it_holds_now(server: Served) -> None:
    server.person("root", "admin")
    server.person("eve", "admin")
    link = link_in(server, server.signed_in("eve").submit("/settings/people/invite", name="sock", role="admin").text)
    taken = {"kind": "person", "holder": "eve", "grant": "admin"}
    assert server.signed_in("root").post("/api/v1/access/grants/revoke", taken).status == 200
    guest = Browser(server)
    guest.get(link)
    got = guest.submit(link, name="sock", password=GOOD, again=GOOD)
    assert "has fewer roles now than it gives" in got.text
    assert server.store.persons.called("sock") is None


def test_r34_who_may_change_and_not_read_learns_nothing_from_a_refused_comparison(server: Served) -> None:
    server.person("root", "admin")
    root = server.signed_in("root")
    assert root.post("/api/v1/access/roles/freezer", {"permissions": ["freeze"]}).status == 200
    server.person("ice", "freezer")
    where = "/api/v1/services/shop/environments/production/freezes"
    freeze, stale = {"name": "racks", "seconds": 60, "reason": "power"}, {"If-Match": '"nope"'}
    blind = server.signed_in("ice").post(where, freeze, **stale)
    assert (blind.status, "present" in blind.json) == (412, False)
    assert "present" in root.post(where, freeze, **stale).json


def test_r34_who_sees_one_service_reads_no_notes_of_others_by_a_path(server: Served) -> None:
    server.person("vic", "viewer@shop")
    vic = server.signed_in("vic")
    for chosen in ("path=search", "tag_prefix=search-"):
        assert vic.get(f"/api/v1/services/shop/notes?range=HEAD~1..HEAD&{chosen}").status == 403
