"""R34: values at the edge of what a date or a duration can say get a sentence, as the table of statuses says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import pytest

from pilotage.model.calendar import at
from pilotage.model.json import object_at
from pilotage.web.openapi import described
from pilotage.web.table import ROUTES
from tests.web import world
from tests.web.site import Client, committed, served

PLACE = "/api/v1/services/payments/environments/production"


@pytest.fixture(scope="module")
def fay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(tmp_path_factory.mktemp("edges"), world.config()) as server:
        world.fill(server.site.project)
        server.person("fay", "admin")
        committed(server.site.project.config.parent, "v5.2.1", "v5.3.0")
        yield server.with_token("fay", "admin")


@pytest.mark.parametrize("seconds", [5e-324, 1e-9, 4e-7])
def test_r34_a_freeze_of_less_than_a_microsecond_is_refused(seconds: float, fay: Client) -> None:
    got = fay.post(f"{PLACE}/freezes", {"name": "blink", "seconds": seconds, "reason": "none"})
    assert (got.status, got.json["detail"]) == (400, "a freeze lasts longer than 0 s, such as 4h")


@pytest.mark.parametrize(
    ("begins", "why"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01 is not between 1970-01-01 and 2199-12-31"),
        ("9999-12-31T23:59:59Z", "9999-12-31 is not between 1970-01-01 and 2199-12-31"),
        ("2001-01-01T00:00:00Z", "2001-01-01 01:00 has passed"),
        ("2190-01-01T00:00:00Z", "2190-01-01 01:00 is more than a hundred years ahead"),
    ],
)
def test_r34_a_meeting_goes_to_no_time_that_calendars_cannot_say(begins: str, why: str, fay: Client) -> None:
    got = fay.post("/api/v1/services/payments/meetings/1/move", {"begins": begins})
    assert (got.status, got.json["detail"]) == (400, why)


@pytest.mark.parametrize("at", ["2026-12-01T14:30", "2026-12-01T14:30:05"])
def test_r34_a_time_is_taken_as_the_error_shows_it(at: str, fay: Client) -> None:
    got = fay.get(f"/api/v1/services/payments/risk?range=v5.3.0~1..v5.3.0&at={at}")
    assert got.status == 200, got.text


@pytest.mark.parametrize(
    "at", ["2026-12-01T14:30Z", "2026-12-01", "2026-13-01T14:30", "0001-01-01T00:00", "2026-12-01T14:30%2B25:00"]
)
def test_r34_a_time_that_there_is_not_is_a_wrong_request(at: str, fay: Client) -> None:
    assert fay.get(f"/api/v1/services/payments/risk?range=v5.3.0~1..v5.3.0&at={at}").status == 400


def test_r34_a_time_with_a_zone_is_in_that_zone(fay: Client) -> None:
    """A meeting at noon of UTC is at one o'clock in Berlin."""
    path = "/api/v1/services/payments/meetings"
    for begins, shown in (("2190-01-01T12:00", "12:00"), ("2190-01-01T12:00Z", "13:00")):
        got = fay.post(f"{path}/1/move", {"begins": begins})
        assert f"2190-01-01 {shown} is more" in got.json["detail"]


def test_r34_a_period_before_the_calendar_begins_is_refused(fay: Client) -> None:
    got = fay.get(f"{PLACE}/dora?since=30d&until=0001-01-01")
    assert (got.status, got.json["code"]) == (400, "bad-span")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_day_have_their_hours(day: date, zone: str) -> None:
    assert at(day, time(12), zone).replace(tzinfo=UTC) == datetime.combine(day, time(12), UTC)
    assert at(day, time(0), zone) < at(day, time(23, 59), zone)


@pytest.mark.parametrize("known", ["*", '"x"'])
def test_r34_if_match_counts_beside_if_none_match(known: str, fay: Client) -> None:
    freeze, headers = {"name": "racks", "seconds": 60, "reason": "power"}, {"If-None-Match": known}
    refused = fay.post(f"{PLACE}/freezes", freeze, **{"If-Match": '"y"'}, **headers)
    assert (refused.status, refused.json["present"]) == (412, fay.get(f"{PLACE}/freezes").json)
    seen = fay.get(f"{PLACE}/freezes").headers["etag"]
    assert fay.post(f"{PLACE}/freezes", freeze, **{"If-Match": seen}, **headers).status == 201


def test_r34_only_what_is_carried_out_once_takes_an_idempotency_key() -> None:
    paths = object_at(described(ROUTES)["paths"])
    assert "Idempotency-Key" in str(paths["/api/v1/tokens/revoke-all"])
    assert "Idempotency-Key" not in str(paths["/api/v1/ci/exchange"])
