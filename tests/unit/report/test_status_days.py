"""R21: what the public page says of days: what was seen, what records tell, and nothing of what nobody looked at."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pilotage.engine.records.seen_days import count, counted
from pilotage.engine.records.store import Store
from pilotage.model.seen_day import SeenDay, Sight
from pilotage.render.status import files_of
from pilotage.render.status_parts import component, headline
from pilotage.report.status import Condition, Rollout, Seen, Service, StatusPage, status_of
from pilotage.report.status_days import LENGTH, DayState, availability, days_of

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
DAY = 86400.0
TODAY = date(2026, 11, 27)


def states(**changes: object) -> list[DayState]:
    """Of the last three days."""
    usual: dict[str, object] = {"counted": {}, "hurt": (), "watched": (), "now": NOON}
    return [day.state for day in days_of(**{**usual, **changes})][-3:]  # type: ignore[arg-type]


def test_r21_a_day_on_which_nobody_looked_is_not_good() -> None:
    days = days_of({}, (), (), NOON)
    assert len(days) == LENGTH
    assert {day.state for day in days} == {DayState.UNSEEN}
    assert availability(days) == (None, 0.0)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (SeenDay(good=3600), DayState.GOOD), (SeenDay(good=3600, down=60), DayState.DOWN),
        (SeenDay(good=3600, degraded=60, closed=60), DayState.DEGRADED), (SeenDay(closed=60), DayState.MAINTENANCE),
        (SeenDay(good=0.2), DayState.UNSEEN),
    ],
)  # fmt: skip
def test_r21_a_day_is_as_bad_as_the_worst_that_was_seen(seen: SeenDay, state: DayState) -> None:
    assert states(counted={TODAY: seen}) == [DayState.UNSEEN, DayState.UNSEEN, state]


def test_r21_where_nobody_counted_releases_and_incidents_tell() -> None:
    yesterday = NOON - DAY
    assert states(watched=[(yesterday, yesterday + 60)]) == [DayState.UNSEEN, DayState.GOOD, DayState.UNSEEN]
    assert states(hurt=[(yesterday, NOON)]) == [DayState.UNSEEN, DayState.DEGRADED, DayState.DEGRADED]
    assert states(hurt=[(NOON, NOON)], counted={TODAY: SeenDay(good=60)})[-1] is DayState.DEGRADED


def test_r21_the_last_look_counts_for_today() -> None:
    assert states(present=DayState.GOOD)[-2:] == [DayState.UNSEEN, DayState.GOOD]
    assert states(present=DayState.DOWN, counted={TODAY: SeenDay(good=60)})[-1] is DayState.DOWN
    assert states(present=DayState.GOOD, counted={TODAY: SeenDay(down=60)})[-1] is DayState.DOWN


def test_r21_availability_is_of_the_time_seen() -> None:
    days = days_of({TODAY: SeenDay(good=2900, degraded=100, down=1000, closed=500)}, (), (), NOON)
    assert availability(days) == (0.75, 4500.0)


def test_r21_two_who_count_one_service_count_each_second_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    place, engine = ("shop", "production"), store.engine
    midnight = NOON - DAY / 2
    count(engine, place, Sight.GOOD, midnight - 60, midnight + 60)
    count(engine, place, Sight.GOOD, midnight - 30, midnight + 90)
    count(engine, place, Sight.DOWN, midnight + 90, midnight + 100)
    count(engine, place, Sight.DOWN, midnight + 90, midnight + 100)
    count(engine, ("shop", "staging"), Sight.DOWN, midnight, midnight + 9)
    found = counted(engine, {"shop": "production"}, date(2026, 11, 26))
    assert found == {"shop": {date(2026, 11, 26): SeenDay(good=60), TODAY: SeenDay(good=90, down=10)}}
    store.close()


# ── the page ───────────────────────────────────────────────────────────────────────────────────────────────


def test_r21_nobody_misses_what_never_answered() -> None:
    first = Rollout("r", "shop", "1", False, False, (), began=NOON - 5)
    down = {"shop": Seen(down=True)}
    (shop,) = status_of("Status", ["shop"], [first], [], NOON, down).services
    assert shop.condition is Condition.UNKNOWN, "its first version is on its way"
    counted = {"shop": {TODAY: SeenDay(good=5)}}
    (shop,) = status_of("Status", ["shop"], [first], [], NOON, down, counted=counted).services
    assert shop.condition is Condition.DOWN


def page(**seen: Seen) -> StatusPage:
    return status_of("Status", ["shop", "search"], [], [], NOON, seen)


@pytest.mark.parametrize(
    ("seen", "state", "sentence"),
    [
        ({}, "none", "shop and search are not observed, so nothing is known of them."),
        ({"shop": Seen()}, "none", "search is not observed, so nothing is known of it. shop answered at 12:00 UTC."),
        ({"shop": Seen(), "search": Seen()}, "good", "All 2 services answered at 12:00 UTC."),
        (
            {"shop": Seen(down=True, down_since=NOON), "search": Seen()},
            "bad",
            "shop is not available. search answered at 12:00 UTC.",
        ),
    ],
)  # fmt: skip
def test_r21_the_headline_calls_nothing_well_that_nobody_looked_at(
    seen: dict[str, Seen], state: str, sentence: str
) -> None:
    said = headline(page(**seen))
    assert (said.state, " ".join(said.sentences)) == (state, sentence)


def test_r21_a_service_shows_ninety_days_and_those_that_were_not_good_in_words() -> None:
    days = days_of({TODAY: SeenDay(good=3600, down=60)}, (), (), NOON)
    shown = component(Service("shop", Condition.OPERATIONAL), days)
    assert shown.bars.count("<rect") == LENGTH
    assert shown.troubled == ("2026-11-27: not available for a time (down for 1 min, observed for 1 h 1 min)",)
    assert (
        shown.share == "Answered in 98.36 % of the 1 h 1 min in which Pilotage looked. On 89 of 90 days nobody looked."
    )


def test_r21_the_page_is_static_and_what_is_planned_is_a_calendar() -> None:
    made = files_of(page(shop=Seen()), "https://status.example/")
    assert set(made) == {"index.html", "status.json", "feed.xml", "planned.ics"}
    assert "<script" not in made["index.html"]
    assert made["planned.ics"].startswith("BEGIN:VCALENDAR\r\n")
