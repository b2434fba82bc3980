"""R34: event streams are for everybody."""

from __future__ import annotations

from pilotage.web.hub import Follower
from tests.web.site import Served
from tests.web.sse import following


def test_r34_one_person_and_one_address_take_no_streams_of_others(server: Served) -> None:
    server.person("ada", "viewer")
    server.person("bob", "viewer")
    ada, bob = server.with_token("ada", "viewer"), server.with_token("bob", "viewer")
    server.site.limits.streams = 2
    with following(ada) as first, following(ada) as second:
        assert (first.status, second.status) == (200, 200)
        first.until("ready")
        second.until("ready")
        refused = ada.get("/api/v1/events")
        assert (refused.status, refused.json["code"]) == (429, "too-many-of-one")
        assert "2 event streams open" in refused.json["detail"]
        with following(bob) as third:
            third.until("ready")
    assert server.site.hub.streams_of("person:ada", "127.0.0.1")[0] <= 2


def test_r34_streams_that_are_asked_for_at_once_are_counted_before_they_begin(server: Served) -> None:
    hub = server.site.hub
    for number in range(3):
        hub.expect(Follower(lambda _: True, "person:ada", f"192.0.2.{number % 2}"))
    assert hub.streams_of("person:ada", "192.0.2.0") == (3, 2)
