"""R34: a server that was not told its address makes no links to a name that a request invented."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.web.serving import Listening
from tests.web.site import Client, Served

STRANGE = [
    "evil.example",
    "evil.example:8420",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "[::1",
    "",
    "localhost/x",
]


@pytest.fixture
def ada(server: Served) -> Client:
    server.person("ada", "admin")
    return server.signed_in("ada")


@pytest.mark.parametrize("host", STRANGE)
def test_r34_a_strange_host_gets_no_page_and_no_secret_link(host: str, server: Served, ada: Client) -> None:
    ada.headers = {"Host": host}
    for got in (
        ada.get("/login"), ada.get("/"), ada.submit("/settings/people/invite", name="bob"),
        ada.submit("/settings/people/recover", name="ada"), ada.submit("/calendar/feed"),
    ):  # fmt: skip
        assert (got.status, "/link/" in got.text) == (421, False)
        assert "start it with --url and the address that browsers use" in got.text
    assert server.store.accounts.links.pending(0.0) == ()
    assert ada.get("/healthz").status == 200, "load balancers ask under any name"


@pytest.mark.parametrize(
    "host", ["localhost:9", "127.0.0.1", "127.8.8.8:1", "[::1]:8420", "shop.localhost", "LOCALHOST"]
)
def test_r34_loopback_needs_no_address(host: str, ada: Client) -> None:
    ada.headers = {"Host": host}
    got = ada.submit("/settings/people/recover", name="ada")
    assert (got.status, f"http://{host}/link/" in got.text) == (200, True)


def test_r34_where_the_address_is_known_every_link_leads_there(server: Served, ada: Client) -> None:
    server.site.url, ada.headers = "https://releases.example", {"Host": "evil.example"}
    got = ada.submit("/settings/people/recover", name="ada")
    assert (got.status, "https://releases.example/link/" in got.text, "evil" in got.text) == (200, True, False)


def test_r34_the_name_it_listens_on_is_its_own(server: Served, ada: Client) -> None:
    server.site.hosts = frozenset({"releases.internal"})
    ada.headers = {"Host": "Releases.Internal:8420"}
    assert ada.get("/").status == 200
    assert replace(Listening(), host="releases.internal").address(1) == "http://releases.internal:1/"
