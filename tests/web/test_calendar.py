"""R34, R11: the calendar, what collides in it, freezes from it, and the feed of a person."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar

from pilotage.engine.records import activities
from pilotage.model.activity import TrackedRelease
from tests.web.records import ended
from tests.web.site import Served

HOSTILE = '<img src=x onerror="alert(1)">\r\nBEGIN:VALARM'


def scheduled(server: Served, service: str, version: str, day: date, environment: str = "production") -> None:
    release = TrackedRelease(
        service=service, environment=environment, version=version, release_date=day, zone="UTC", emergency=False,
        phases=(), items=(),
    )  # fmt: skip
    activities.track(server.store.engine, release, [], "dora", server.store.clock.now())


def weekday() -> date:
    day = datetime.now(UTC).date()
    return day - timedelta(days=max(0, day.weekday() - 4))


def test_r34_a_month_shows_rollouts_releases_and_freezes_that_the_reader_may_see(server: Served) -> None:
    ended(server.store, "shop", "staging", "2.4.0")
    ended(server.store, "search", "production", "8.0.0")
    scheduled(server, "shop", "2.5.0", weekday())
    server.person("ada", "viewer@shop")
    browser = server.signed_in("ada")
    found = browser.get("/calendar.json").json
    assert {(one["kind"], one["title"]) for one in found["entries"]} == {
        ("rollout", "shop 2.4.0"), ("release", "shop 2.5.0")
    }  # fmt: skip
    text = browser.get("/calendar").text
    assert "shop 2.5.0" in text
    assert "8.0.0" not in text
    assert "Declare a freeze" not in text
    week = browser.get(f"/calendar?view=week&day={weekday()}").text
    assert "Week of" in week
    assert "shop 2.5.0" in week
    assert "Nothing in these" in browser.get("/calendar?day=2031-05-01").text


def test_r34_a_day_that_is_none_is_refused_with_what_would_be_right(server: Served) -> None:
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    for wrong in ("tomorrow", "2026-02-30", "0001-01-01", "9999-12-31"):
        got = browser.get(f"/calendar?day={wrong}")
        assert got.status == 400, wrong
    assert browser.get("/calendar?view=year").status == 400


def test_r34_two_releases_of_one_environment_on_a_day_are_named_as_a_conflict(server: Served) -> None:
    scheduled(server, "shop", "2.5.0", weekday())
    scheduled(server, "shop", "2.6.0", weekday())
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    (found,) = browser.get("/calendar.json").json["conflicts"]
    assert "one environment takes one rollout at a time" in found["sentence"]
    assert "1 conflict" in browser.get("/calendar").text


def test_r11_a_freeze_is_declared_and_lifted_from_the_calendar_by_who_may(server: Served) -> None:
    server.person("ada", "deployer@shop/staging")
    browser = server.signed_in("ada")
    fields = {"name": "launch", "for": "4h", "reason": HOSTILE}
    assert browser.submit("/calendar/freezes", place="shop/staging", **fields).status == 303
    assert browser.submit("/calendar/freezes", place="shop/production", **fields).status == 403
    assert browser.submit("/calendar/freezes", place="nowhere", **fields).status == 404
    text = browser.get("/calendar").text
    assert "Freeze launch: shop in staging" in text
    assert "<img" not in text
    assert browser.submit("/services/shop/staging/freezes/lift", name="launch", back="/calendar").headers[
        "location"
    ] == "/calendar"  # fmt: skip
    assert "Freeze launch" not in browser.get("/calendar").text


def test_r34_a_feed_shows_what_its_person_may_see_until_it_is_revoked(server: Served) -> None:
    ended(server.store, "shop", "staging", "2.4.0")
    ended(server.store, "search", "production", "8.0.0", reason=HOSTILE)
    scheduled(server, "shop", HOSTILE, weekday())
    server.person("ada", "viewer@shop")
    browser = server.signed_in("ada")
    assert browser.get("/calendar/feed").status in (404, 405)
    shown = browser.submit("/calendar/feed").text
    path = next(part for part in shown.split() if ".ics" in part).partition(str(server.port))[2].partition(".ics")[0]
    got = server.anybody().get(f"{path}.ics")
    assert (got.status, got.headers["content-type"].partition(";")[0]) == (200, "text/calendar")
    said = browser.get("/calendar").text.partition("expires on ")[2].partition(".")[0]
    assert re.fullmatch(r"\w+ \d+ \w+ \d{4}", said), "a day of next year is not taken for tomorrow"
    calendar = Calendar.from_ical(got.body)
    summaries = [str(event["summary"]) for event in calendar.walk("VEVENT")]
    assert "shop 2.4.0 in staging" in summaries
    assert not any("search" in one for one in summaries)
    assert not calendar.walk("VALARM")
    replaced = next(part for part in browser.submit("/calendar/feed").text.split() if ".ics" in part)
    assert server.anybody().get(f"{path}.ics").status == 404
    other = replaced.partition(str(server.port))[2].partition(".ics")[0]
    assert server.anybody().get(f"{other}.ics").status == 200
    assert browser.submit("/calendar/feed/revoke").status == 303
    assert server.anybody().get(f"{other}.ics").status == 404


def test_r34_a_token_has_no_feed(server: Served) -> None:
    server.person("ada", "viewer")
    got = server.with_token("ada", "viewer").ask(
        "POST", "/calendar/feed", b"", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert got.status == 403
