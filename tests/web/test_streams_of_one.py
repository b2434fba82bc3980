"""R34: event streams are for everybody."""

from __future__ import annotations

from tests.web.site import Served
from tests.web.sse import following


def test_r34_one_person_and_one_address_take_no_streams_of_others(server: Served) -> None:
    server.person("ada", "viewer")
    server.person("bob", "viewer")
    ada, bob = server.with_token("ada", "viewer"), server.with_token("bob", "viewer")
    server.site.limits.streams, server.site.limits.streams_of_address = 2, 3
    with following(ada) as first, following(ada) as second:
        assert (first.status, second.status) == (200, 200)
        first.until("ready")
        second.until("ready")
        refused = ada.get("/api/v1/events")
        assert (refused.status, refused.json["code"]) == (429, "too-many")
        assert "2 event streams open" in refused.json["detail"]
        with following(bob) as third:
            third.until("ready")
            assert "to your address" in bob.get("/api/v1/events").json["detail"]
