"""R34: requests that no page sends get one sentence, and nobody more than they have."""

from __future__ import annotations

import json

import pytest

from pilotage.app.identity import links, tokens
from pilotage.app.identity.links import BadName
from pilotage.model.access import HolderKind, TokenPurpose
from pilotage.web.shared import Kept, Shared
from tests.web.site import Client, Served, granted

_PLACE = "/api/v1/services/shop/environments/production"


@pytest.mark.parametrize(
    "path",
    ["/services/shop?page=99999999999999999999", f"{_PLACE}/dora?until=0001-01-01", f"{_PLACE}/dora?since=0001-01-01"],
)
def test_r34_numbers_and_days_that_no_store_has_are_wrong_requests(server: Served, path: str) -> None:
    server.person("ada", "viewer")
    ada = server.with_token("ada", "viewer")
    assert ada.get(path).status == 400


def test_r34_a_period_is_as_long_as_anybody_likes(server: Served) -> None:
    server.person("ada", "viewer")
    got = server.with_token("ada", "viewer").get(f"{_PLACE}/dora?since=99999999d")
    assert got.status in (200, 400, 503), got.text


def test_r34_a_form_token_of_any_characters_is_only_wrong(server: Served) -> None:
    server.person("ada", "viewer")
    ada = server.signed_in("ada")
    ada.csrf = "é"
    assert ada.submit("/logout").status == 403


def test_r34_an_origin_without_a_host_is_not_this_site_even_if_the_request_names_none(server: Served) -> None:
    server.person("ada", "deployer")
    ada = server.signed_in("ada")
    body = json.dumps({"name": "a", "seconds": 60, "reason": "r"}).encode()
    headers = {"Content-Type": "application/json", "Origin": "null", "Host": ""}
    assert ada.ask("POST", f"{_PLACE}/freezes", body, headers).status == 403


def test_r34_a_command_lines_token_makes_no_calendar_that_shows_more_than_it_may(server: Served) -> None:
    server.person("ada", "admin")
    narrow = tokens.issue(
        server.store, "ada", "a laptop", [granted("viewer@shop")], "ada", None, purpose=TokenPurpose.COMMAND_LINE
    )  # fmt: skip
    got = Client(server, token=narrow).ask("POST", "/calendar/feed", b"", {})
    assert (got.status, "calendar feed" in got.text) == (403, True)


def test_r34_who_manages_people_lets_nobody_in_again_who_may_more_than_they(server: Served) -> None:
    admin = _admin(server)
    assert admin.post("/api/v1/access/roles/people-person", {"permissions": ["manage-people"]}).status == 200
    server.person("eve", "people-person")
    eve = server.with_token("eve", "people-person")
    server.person("old", "admin")
    server.person("newcomer", "people-person")
    for name, status in (("old", 403), ("newcomer", 200)):
        assert admin.post(f"/api/v1/access/people/{name}/disable", {}).status == 200
        assert eve.post(f"/api/v1/access/people/{name}/enable", {}).status == status


def _admin(server: Served) -> Client:
    server.person("ada", "admin")
    return server.with_token("ada", "admin")


@pytest.mark.parametrize("name", ["worker", "Pilotage"])
def test_r34_nobody_is_called_as_pilotage_calls_itself_in_the_audit_log(name: str) -> None:
    with pytest.raises(BadName, match="a name of Pilotage itself"):
        links.refuse_bad_name(name)


def test_r34_an_answer_larger_than_all_that_is_kept_is_still_given() -> None:
    made = Kept(at=1.0, version=1, status=200, headers=(), body=b"x" * 17_000_000)
    assert Shared().get(("big",), 1, 1.0, lambda: made) is made


def test_r34_grants_of_a_service_account_are_none_of_the_person_with_its_name(server: Served) -> None:
    server.store.persons.grant(HolderKind.SERVICE, "ci", granted("admin"), "tests", 0.0)
    server.person("ci")
    assert server.signed_in("ci").get(_PLACE).status == 403
