"""Release trains (C13, C14): on time by the wall clock, never on a closed day, never two at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.config.recurrence import recurrences
from pilotage.model.answers import Answers, ReleaseFrequency
from pilotage.model.calendar import Calendar, Freeze, Window
from pilotage.plan.phases import spans_of
from pilotage.plan.trains import (
    Departure,
    NoTrain,
    Terms,
    Timetable,
    departures,
    in_flight,
    off_train,
    timetable,
    train_of,
    upcoming,
    usual_rule,
)
from pilotage.plan.working_time import before, between, in_words, working_seconds

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
TERMS = Terms(cutoff=86_400, late=7200)
THURSDAY = date(2026, 12, 3)


def weekly(count: int, first: date = THURSDAY, clock: time = time(10)) -> list[datetime]:
    return [datetime.combine(first + timedelta(weeks=n), clock) for n in range(count)]


def calendar(**given: object) -> Calendar:
    return Calendar(**{"zone": "Europe/Berlin", **given})  # type: ignore[arg-type]


def shown(trains: Timetable) -> list[str]:
    return [f"{one.departs:%m-%d %H:%M}" if isinstance(one, Departure) else "none" for one in trains]


def test_c14_a_train_whose_day_is_closed_departs_earlier_and_says_why() -> None:
    holidays = {date(2026, 12, 10): "Moving day"}
    freezes = (Freeze.of_days("sale", date(2026, 12, 16), date(2026, 12, 17), "Europe/Berlin"),)
    found = timetable(weekly(4), calendar(holidays=holidays, freezes=freezes), TERMS)
    assert shown(found) == ["12-03 10:00", "12-09 10:00", "12-15 10:00", "12-24 10:00"]
    moved = [one.moved for one in departures(found)]
    assert moved[0] == ""
    assert moved[1] == "2026-12-10 is a holiday (Moving day): the train departs earlier, on 2026-12-09 at 10:00"
    assert moved[2].startswith("2026-12-17 is in the freeze (sale): the train departs earlier")
    assert [one.day for one in departures(found)] == [moment.date() for moment in weekly(4)], "each keeps its name"


def test_c14_a_train_without_an_open_day_does_not_run_and_takes_no_other_ones_day() -> None:
    freeze = Freeze.of_days("year end", date(2026, 12, 21), date(2027, 1, 8), "Europe/Berlin")
    found = timetable(weekly(7), calendar(freezes=(freeze,)), TERMS)
    assert shown(found) == ["12-03 10:00", "12-10 10:00", "12-17 10:00", "12-18 10:00", "none", "none", "01-14 10:00"]
    silent = found[4]
    assert isinstance(silent, NoTrain)
    assert silent.why == (
        "2026-12-31 is in the freeze (year end), and no day since 2026-12-24 is open: this train does not run"
    )


def test_a_freeze_of_hours_moves_a_train_on_its_own_day_alone_where_that_helps() -> None:
    def frozen(first: int, last: int) -> Calendar:
        begins, ends = (datetime(2026, 12, 3, hour, tzinfo=ZoneInfo("Europe/Berlin")) for hour in (first, last))
        return calendar(freezes=(Freeze("deal", begins, ends),))

    (at_noon,) = departures(timetable(weekly(1, clock=time(14)), frozen(12, 18), TERMS))
    assert f"{at_noon.departs:%d %H:%M}" == "03 09:00"
    assert at_noon.moved.startswith("2026-12-03 14:00 is in the freeze (deal)")
    (the_day_before,) = departures(timetable(weekly(1, clock=time(9)), frozen(8, 12), TERMS))
    assert f"{the_day_before.departs:%d %H:%M}" == "02 09:00", "after the freeze is later, and a train is never late"


def test_the_preferred_windows_decide_where_nobody_does() -> None:
    window = Window(frozenset({0, 3}), time(11), time(15))
    rules = [usual_rule(one, calendar(windows=(window,))) for one in ReleaseFrequency]
    assert [(rule.rrule, rule.clock) if rule else None for rule in rules] == [
        None,
        ("FREQ=WEEKLY;BYDAY=TH", time(11)),
        ("FREQ=MONTHLY;BYDAY=2TH", time(11)),
        ("FREQ=YEARLY;BYMONTH=2,5,8,11;BYDAY=2TH", time(11)),
    ]
    plain = usual_rule(ReleaseFrequency.WEEKLY, calendar())
    assert plain is not None
    assert (plain.words, plain.clock) == ("every Tuesday", time(9))
    (late,) = departures(timetable(weekly(1, clock=time(18)), calendar(windows=(window,)), TERMS))
    assert f"{late.departs:%a %H:%M}" == "Thu 11:00"
    assert "2026-12-03 18:00 is outside the preferred windows" in late.moved


def test_a_cut_off_is_working_time_before_the_departure() -> None:
    plan = calendar(holidays={date(2026, 12, 4): "Bridge"})
    monday = datetime(2026, 12, 7, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    assert before(plan, monday, 86_400) == datetime(2026, 12, 3, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    assert before(plan, monday, 3600) == monday - timedelta(hours=1)
    assert before(plan, monday.replace(hour=22), 4 * 3600) == monday.replace(hour=13), "a night's train"
    assert between(plan, datetime(2026, 12, 3, 10, tzinfo=UTC), monday) == 7 * 3600
    assert between(plan, monday, monday - timedelta(days=3)) == 0
    assert in_words(plan, working_seconds(plan, 2 * 86_400 + 5400)) == "2 working days and 1h30m"
    assert [in_words(plan, seconds) for seconds in (0, 60, 8 * 3600)] == ["0m", "1m", "1 working day"]


def test_c13_several_trains_are_in_flight_each_in_its_phase() -> None:
    answers = Answers("minor", "canary", "medium", "monthly", "medium", ["internal-only"])
    trains = departures(timetable([datetime(2027, month, 14, 10) for month in range(1, 7)], calendar(), TERMS))
    found = list(in_flight(trains, spans_of(answers), calendar(), date(2026, 12, 28)))
    assert [(f"{one.train.day}", one.phase) for one in found] == [
        ("2027-01-14", "testing_phase"),
        ("2027-02-14", "development_phase"),
        ("2027-03-14", "planning_phase"),
    ], "a monthly train that takes ten weeks"
    assert list(in_flight(trains, (), calendar(), date(2026, 12, 28))) == []


def test_a_release_off_the_train_gets_a_note_with_the_dates_that_would_do() -> None:
    trains = timetable(weekly(4), calendar(), TERMS)
    tuesday = datetime(2026, 12, 8, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    said = off_train("Thursday train", tuesday, tuesday.date(), 3600, trains, calendar())
    assert said == (
        "not-on-a-train: the rollout starts on 2026-12-08, when no Thursday train departs. To go with one: "
        "--date 2026-12-03 (departs 2026-12-03) or --date 2026-12-10 (departs 2026-12-10)"
    )
    assert off_train("train", tuesday + timedelta(days=2), date(2026, 12, 10), 3600, trains, calendar()) == ""
    # Three days of canary: everyone has it on the Monday after, so that is the date of what departs on Thursday.
    found = train_of(tuesday, date(2026, 12, 14), 3 * 86_400, trains, calendar())
    assert found is not None
    assert found.day == date(2026, 12, 10)
    assert off_train("train", tuesday, tuesday.date(), 3600, (), calendar()) == "", "no train is known"


@pytest.mark.parametrize("zone", ZONES)
def test_r11_a_thousand_departures_keep_their_wall_clock_over_every_change_of_clocks(zone: str) -> None:
    moments = list(recurrences("FREQ=WEEKLY;BYDAY=SU", None, zone, datetime(2027, 1, 1), datetime(2046, 3, 1)))[:1000]
    moments = [moment.replace(hour=10) for moment in moments]
    found = departures(timetable(moments, calendar(zone=zone, weekend=frozenset({5})), TERMS))
    assert len(found) == 1000
    assert {f"{one.departs:%a %H:%M}" for one in found} == {"Sun 10:00"}
    assert {f"{one.cutoff:%a %H:%M}" for one in found} == {"Fri 10:00"}
    assert all((before_.departs < after.cutoff) for before_, after in pairwise(found))


def test_a_time_that_clocks_skip_is_the_next_that_they_show() -> None:
    sunday = weekly(1, date(2027, 3, 28), time(2, 30))
    (found,) = departures(timetable(sunday, calendar(weekend=frozenset({5})), TERMS))
    assert f"{found.departs:%H:%M %z}" == "03:30 +0200"


DAYS = st.dates(date(2026, 2, 1), date(2026, 6, 30))
FREEZES = st.builds(
    lambda day, hours, lasts: Freeze(
        "f", begins := datetime.combine(day, time(0), UTC) + timedelta(hours=hours), begins + timedelta(hours=lasts)
    ),
    DAYS, st.integers(0, 23), st.integers(1, 600),
)  # fmt: skip
WINDOWS = st.builds(
    Window, st.frozensets(st.integers(0, 6), min_size=1), st.sampled_from([time(8), time(22)]), st.just(time(14))
)
CALENDARS = st.builds(
    Calendar, zone=st.sampled_from(ZONES), holidays=st.dictionaries(DAYS, st.just("off"), max_size=20),
    freezes=st.lists(FREEZES, max_size=5).map(tuple), windows=st.lists(WINDOWS, max_size=2).map(tuple),
    weekend=st.sampled_from([frozenset({5, 6}), frozenset({4, 5}), frozenset[int]()]),
)  # fmt: skip
RULES = st.sampled_from(
    ["FREQ=WEEKLY;BYDAY=TH", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY", "FREQ=YEARLY;BYMONTH=3,5;BYDAY=2TU"]
)


@given(CALENDARS, RULES, st.times().map(lambda clock: clock.replace(second=0, microsecond=0)), st.integers(0, 86_400))
def test_r11_trains_only_go_forward_and_never_depart_on_a_closed_day(
    plan: Calendar, rule: str, clock: time, late: int
) -> None:
    found = timetable(_moments(rule, plan.zone, clock), plan, Terms(cutoff=86_400, late=late))
    running = departures(found)
    for train in running:
        day = train.departs.date()
        assert plan.takes_rollouts(day, emergency=False)
        assert plan.freeze_at(train.departs) is None
        assert day <= train.day, "earlier, or on its day"
        assert train.cutoff <= train.late_until <= train.departs
        assert (train.moved == "") == (train.departs.timestamp() == _wanted(train.day, clock, plan.zone))
    assert all(one.departs < other.departs and one.day < other.departs.date() for one, other in pairwise(running))
    now = datetime(2026, 4, 1, tzinfo=UTC)
    assert upcoming(found, now) == tuple(train for train in running if train.departs > now)


@given(CALENDARS, RULES, st.integers(1, 9))
def test_c14_each_train_is_the_same_wherever_the_list_begins(plan: Calendar, rule: str, skipped: int) -> None:
    moments = _moments(rule, plan.zone, time(10))
    assert timetable(moments, plan, TERMS)[skipped + 1 :] == timetable(moments[skipped:], plan, TERMS)[1:]


def _moments(rule: str, zone: str, clock: time) -> Sequence[datetime]:
    last = datetime(2026, 4, 1) if "DAILY" in rule else datetime(2026, 6, 15)
    found = recurrences(rule, None, zone, datetime(2026, 3, 1), last)
    return [datetime.combine(moment.date(), clock) for moment in found]


def _wanted(day: date, clock: time, zone: str) -> float:
    return datetime.combine(day, clock, ZoneInfo(zone)).timestamp()
