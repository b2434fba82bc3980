"""The calendar section of pilotage.yaml (R11): holidays of countries and regions, freezes that recur, windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.calendars import calendar_of
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.calendar import Calendar
from tests.unit.config.test_config import GOOD

JUNE = date(2027, 6, 16)


def calendar(tmp_path: Path, section: str, around: date | None = JUNE) -> Calendar:
    (tmp_path / "pilotage.yaml").write_text(GOOD + section)
    return calendar_of(load(tmp_path / "pilotage.yaml"), around)


def test_r11_holidays_of_several_countries_and_regions(tmp_path: Path) -> None:
    found = calendar(tmp_path, "calendar: {holidays: [DE-BY, US]}\n").holidays
    assert found[date(2027, 5, 27)] == "Corpus Christi"  # Bavaria has it, Berlin has not
    assert "Independence Day" in found[date(2027, 7, 4)]
    assert date(2027, 5, 27) not in calendar(tmp_path, "calendar: {holidays: [DE-BE]}\n").holidays
    assert date(2027, 5, 27) not in calendar(tmp_path, "").holidays


def test_r11_one_off_freezes_by_days_and_by_times(tmp_path: Path) -> None:
    section = """\
calendar:
  timezone: Europe/Berlin
  freezes:
    - {name: sale, first_day: 2027-06-10, last_day: 2027-06-12}
    - {name: audit, start: "2027-06-16 12:00", end: "2027-06-16 18:00"}
"""
    found = calendar(tmp_path, section)
    assert [freeze.name for freeze in found.freezes] == ["sale", "audit"]
    assert found.freezes[0].source == "pilotage.yaml:22"
    assert found.freezes[1].begins.astimezone(UTC) == datetime(2027, 6, 16, 10, tzinfo=UTC)
    frozen = [day for day in range(9, 18) if found.freeze_on(date(2027, 6, day))]
    assert frozen == [10, 11, 12], "the morning of the 16th is free"
    assert found.freeze_at(datetime(2027, 6, 16, 11, tzinfo=UTC))
    assert not found.freeze_at(datetime(2027, 6, 16, 9, tzinfo=UTC))


def test_r11_a_recurring_freeze_keeps_its_wall_clock_over_a_clock_change(tmp_path: Path) -> None:
    section = """\
calendar:
  timezone: Europe/Berlin
  freezes: [{name: month end, rrule: "FREQ=MONTHLY;BYMONTHDAY=-1", start: "2027-01-31 09:00", duration: 6h}]
"""
    found = [freeze for freeze in calendar(tmp_path, section).freezes if freeze.begins.year == 2027]
    assert [freeze.begins.day for freeze in found][:4] == [31, 28, 31, 30]
    assert {freeze.begins.time() for freeze in found} == {time(9)}
    assert {freeze.ends.time() for freeze in found} == {time(15)}
    assert {freeze.begins.astimezone(UTC).hour for freeze in found} == {7, 8}


def test_r11_windows_and_working_hours(tmp_path: Path) -> None:
    section = """\
calendar:
  team_timezones: [Europe/Berlin, Asia/Tokyo]
  workday_start: "08:00"
  windows: [{days: [tue, thu], start: "10:00", end: "15:00"}]
"""
    found = calendar(tmp_path, section)
    assert (found.team_zones, found.opens) == (("Europe/Berlin", "Asia/Tokyo"), time(8))
    assert found.windows[0].days == {1, 3}
    assert found.opening_on(date(2027, 6, 15)) == datetime(2027, 6, 15, 10, tzinfo=UTC)
    assert found.opening_on(date(2027, 6, 16)) is None


def test_without_a_date_nothing_is_worked_out(tmp_path: Path) -> None:
    assert calendar(tmp_path, "calendar: {holidays: [DE]}\n", around=None).holidays == {}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (
            "{timezone: Europe/Berlim}",
            "19:22: calendar.timezone: 'Europe/Berlim' is not a time zone such as Europe/Berlin",
        ),
        ("{holidays: [XX]}", "19:23: calendar.holidays[0]: 'XX' is not a country or region"),
        ("{holidays: [germany]}", "calendar.holidays[0]: 'germany' is not a country or region in capitals"),
        ("{workday_start: '25:00'}", "'25:00' is not a time of day such as 09:00"),
        ("{workday_start: '18:00'}", "the working day ends (17:00) before it starts (18:00)"),
        ("{windows: [{start: '10:00', end: '10:00'}]}", "the window starts and ends at 10:00: give it a length"),
        ("{windows: [{days: [someday], start: '08:00', end: '09:00'}]}", "'someday' is not one of mon, tue"),
        ("{freezes: [{name: x, first_day: 2027-02-30, last_day: 2027-03-01}]}", "'2027-02-30' is not a day such as"),
        (
            "{freezes: [{name: x, first_day: 2027-03-02, last_day: 2027-03-01}]}",
            "it ends (2027-03-01) before it starts",
        ),
        ("{freezes: [{name: x, first_day: 2027-03-02}]}", "give either first_day and last_day, or start and end"),
        ("{freezes: [{name: x, start: '2027-03-02 10:00+01:00', end: '2027-03-03 10:00'}]}", "is not a local time"),
        ("{freezes: [{name: x, rrule: 'FREQ=SECONDLY', duration: 1h}]}", "its rrule needs FREQ=DAILY"),
        (
            "{freezes: [{name: x, rrule: 'FREQ=DAILY;BYDAY=XX', duration: 1h}]}",
            "BYDAY=XX is no day such as MO, 2TU or -1FR",
        ),
        (
            "{freezes: [{name: x, rrule: 'FREQ=DAILY;BYHOUR=0,5,10,15,20', duration: 1h}]}",
            "recurs more than 8000 times",
        ),
    ],
)
def test_a_wrong_calendar_says_where_and_what_would_be_right(tmp_path: Path, section: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        calendar(tmp_path, f"calendar: {section}\n")
    assert words in str(error.value)


def test_an_acceptance_in_the_file_is_recorded_with_its_source(tmp_path: Path) -> None:
    text = GOOD.replace("customer-facing, enterprise", "internal-only, enterprise")
    (tmp_path / "pilotage.yaml").write_text(
        text + "accepted_conflicts: {internal-only-with-others: the intranet has customers}\n"
    )
    made = plan_for(load(tmp_path / "pilotage.yaml"), "production", PlanRequest("2.4.0"))
    assert made.conflicts[0].reason == "the intranet has customers"
    assert made.stopped_by == ()
