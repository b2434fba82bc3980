"""Calendars as teams have them: nights, weekends by country, rules that recur (R11, C14)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dateutil.rrule
import pytest

from pilotage import Answers, Plan, make_plan
from pilotage.app.snapshot import calendar_facts
from pilotage.config.calendars import calendar_of
from pilotage.config.loading import load
from pilotage.config.recurrence import recurrences, trouble_with
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.calendar import Calendar
from pilotage.rollout.windows import outside_windows
from tests.unit.config.test_config import GOOD

MINOR = Answers("minor", "canary", "small", "weekly", "high", "internal-only")


def calendar(tmp_path: Path, section: str, around: date) -> Calendar:
    (tmp_path / "pilotage.yaml").write_text(f"{GOOD}calendar: {{{section}}}\n")
    return calendar_of(load(tmp_path / "pilotage.yaml"), around)


def planned(tmp_path: Path, section: str, day: date) -> Plan:
    return make_plan(MINOR, version="2.4.0", release_date=day, calendar=calendar(tmp_path, section, day))


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens(tmp_path: Path) -> None:
    """vitabaks/pg_auto_reindexer#13, louislam/uptime-kuma#2828: 22:00 to 04:00 is the usual time for maintenance."""
    section = "windows: [{days: [sat], start: '22:00', end: '08:00'}]"
    made = planned(tmp_path, section, date(2027, 3, 20))
    assert made.release_date == date(2027, 3, 20)
    assert made.on_call[0].begins == datetime(2027, 3, 20, 22, tzinfo=UTC)

    facts = calendar_facts(calendar(tmp_path, section, date(2027, 3, 20)))
    for moment, inside in (
        (datetime(2027, 3, 20, 21, 59, tzinfo=UTC), False),
        (datetime(2027, 3, 20, 22, 0, tzinfo=UTC), True),
        (datetime(2027, 3, 21, 7, 59, tzinfo=UTC), True),
        (datetime(2027, 3, 21, 8, 0, tzinfo=UTC), False),
        (datetime(2027, 3, 21, 22, 0, tzinfo=UTC), False),
    ):
        assert (outside_windows(facts, moment.timestamp()) == "") is inside, moment


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [("00:00", "24:00", {0, 9, 23}), ("18:00", "24:00", {23}), ("18:00", "00:00", {23}), ("00:00", "09:00", {0})],
)
def test_a_window_may_end_at_midnight(tmp_path: Path, start: str, end: str, inside: set[int]) -> None:
    """24:00 is the end of a day (ISO 8601); a window of a whole day had no form at all."""
    found = calendar(tmp_path, f"windows: [{{days: [sat], start: '{start}', end: '{end}'}}]", date(2027, 3, 20))
    facts = calendar_facts(found)
    for hour in (0, 9, 23):
        moment = datetime(2027, 3, 20, hour, tzinfo=UTC).timestamp()
        assert (outside_windows(facts, moment) == "") is (hour in inside), hour
    assert outside_windows(facts, datetime(2027, 3, 21, 0, tzinfo=UTC).timestamp())


def test_a_freeze_of_four_times_a_day_closes_no_day(tmp_path: Path) -> None:
    section = "freezes: [{name: batch, rrule: 'FREQ=DAILY;BYHOUR=2,8,13,19', duration: 30m}]"
    assert planned(tmp_path, section, date(2027, 3, 17)).release_date == date(2027, 3, 17)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("freezes: [{name: x, rrule: 'FREQ=DAILY', duration: 0s}]", "duration is 0: a freeze lasts longer than that"),
        ("weekend: [mon, tue, wed, thu, fri, sat, sun]", "weekend leaves no working day"),
        ("holidays: [de]", "'de' is not a country or region in capitals, such as DE or DE-BY"),
        ("holidays: [Germany]", "'Germany' is not a country or region in capitals"),
        ("holidays: [EU]", "'EU' is not a country or region with known holidays"),
        ("timezone: '+02:00'", "'+02:00' is not a time zone such as Europe/Berlin"),
        ("windows: [{days: [fri], start: 9am, end: '17:00'}]", "'9am' is not a time of day such as 09:00"),
        ("windows: [{start: '09:00', end: '24:30'}]", "'24:30' is not a time of day such as 09:00"),
    ],
)
def test_a_calendar_that_cannot_be_meant_says_what_would_be_right(tmp_path: Path, section: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"pilotage\.yaml:") as error:
        calendar(tmp_path, section, date(2027, 3, 17))
    assert words in str(error.value)


def test_a_freeze_of_every_night_closes_no_day(tmp_path: Path) -> None:
    """OctopusDeploy/Issues#9291: four hours of a batch are four hours."""
    made = planned(tmp_path, "freezes: [{name: batch, rrule: 'FREQ=DAILY;BYHOUR=1', duration: 4h}]", date(2027, 3, 17))
    assert made.release_date == date(2027, 3, 17)
    assert made.on_call[0].begins.time() == time(9)


def test_a_freeze_of_the_weekend_leaves_the_friday_before_it(tmp_path: Path) -> None:
    """OctopusDeploy/Issues#9291: a rollout that is over by 13:10 meets no freeze that begins at 17:00."""
    section = "freezes: [{name: weekend, rrule: 'FREQ=WEEKLY;BYDAY=FR;BYHOUR=17;BYMINUTE=0', duration: 63h}]"
    assert planned(tmp_path, section, date(2027, 3, 19)).release_date == date(2027, 3, 19)
    assert planned(tmp_path, section, date(2027, 3, 22)).release_date == date(2027, 3, 22), "Monday from 08:00 on"


@pytest.mark.parametrize(
    ("section", "weekend"),
    [
        ("holidays: [IL]", {"Fri", "Sat"}),
        ("holidays: [AE]", {"Sat", "Sun"}),
        ("holidays: [IR]", {"Fri"}),
        ("holidays: [DE, IL]", {"Fri", "Sat", "Sun"}),
        ("weekend: [fri, sat]", {"Fri", "Sat"}),
        ("holidays: [IL], weekend: [sat]", {"Sat"}),
        ("weekend: []", set()),
        ("", {"Sat", "Sun"}),
    ],
)
def test_each_country_has_its_own_weekend(tmp_path: Path, section: str, weekend: set[str]) -> None:
    """davedelong/calendar_fallacies#73, focus-shift/jollyday#1458."""
    found = calendar(tmp_path, section, date(2027, 2, 1))
    week = [date(2027, 2, 1) + timedelta(days=n) for n in range(7)]  # no holiday of these countries is among them
    assert {f"{day:%a}" for day in week if not found.is_working(day)} == weekend


def test_a_sunday_is_a_working_day_in_jerusalem(tmp_path: Path) -> None:
    """Bitnoise/react-scheduler#199."""
    section = "timezone: Asia/Jerusalem, holidays: [IL]"
    assert planned(tmp_path, section, date(2027, 3, 21)).release_date == date(2027, 3, 21)
    friday = planned(tmp_path, section, date(2027, 3, 19))
    assert friday.release_date == date(2027, 3, 18)
    assert "2027-03-19 is a Friday" in friday.notes[0]


def test_a_saturday_on_which_a_country_works_for_another_day_off_is_a_working_day(tmp_path: Path) -> None:
    """Hungary, 2026-08-08: worked for Friday 21 August (decree 11/2025)."""
    assert calendar(tmp_path, "holidays: [HU]", date(2026, 8, 1)).is_working(date(2026, 8, 8))
    assert not calendar(tmp_path, "holidays: [HU, AT]", date(2026, 8, 1)).is_working(date(2026, 8, 8))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=WEEKLY;BYDAY=WE;COUNT=300", "COUNT=300 counts from the rule's first time: add `start`"),
        ("FREQ=WEEKLY;BYDAY=WE;INTERVAL=2", "INTERVAL=2 counts from the rule's first time: add `start`"),
        ("FREQ=WEEKLY", "does not say on which day: add BYDAY=FR, or `start`"),
        ("FREQ=MONTHLY", "does not say on which day: add BYMONTHDAY=-1, or `start`"),
        ("FREQ=YEARLY;BYMONTH=12", "does not say on which day: add BYMONTH=12;BYMONTHDAY=31, or `start`"),
        ("FREQ=HOURLY", "needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("BYDAY=FR", "needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("FREQ=DAILY;BYHOURS=3", "says BYHOURS, which is not part of an RRULE"),
        ("FREQ=DAILY;UNTIL=2027-12-31", "UNTIL=2027-12-31 is no date such as 20271231"),
        ("FREQ=DAILY;UNTIL=20271231;COUNT=3", "says both UNTIL and COUNT"),
        ("FREQ=DAILY;UNTIL=20271341", "UNTIL=20271341 is no date such as 20271231"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX is no day such as MO, 2TU or -1FR"),
        ("FREQ=MONTHLY;BYMONTHDAY=40", "BYMONTHDAY=40 is not within 1 to 31"),
        ("FREQ=DAILY;BYHOUR=25", "BYHOUR=25 is not within 0 to 23"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is not within 1 to 9999"),
        ("FREQ=DAILY;BYHOUR=nine", "BYHOUR=NINE is not within 0 to 23"),
        ("FREQ=DAILY;FREQ=WEEKLY;BYDAY=MO", "says FREQ twice"),
        ("DTSTART:20270101T090000\nRRULE:FREQ=DAILY", "give DTSTART as `start`"),
    ],
)
def test_a_rule_with_a_hidden_start_or_a_slip_says_what_would_be_right(tmp_path: Path, rule: str, words: str) -> None:
    """skarim/vobject#148: a rule that counted from a day nobody had named was silently over."""
    escaped = rule.replace("\n", "\\n")
    with pytest.raises(ConfigError, match=r"pilotage\.yaml:") as error:
        calendar(tmp_path, f'freezes: [{{name: x, rrule: "{escaped}", duration: 1d}}]', date(2027, 3, 17))
    assert words in str(error.value)


def test_a_rule_that_never_recurs_is_not_followed_for_ever(tmp_path: Path) -> None:
    found = calendar(
        tmp_path, "freezes: [{name: x, rrule: 'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30', duration: 1d}]", date(2027, 3, 17)
    )
    assert found.freezes == ()


def test_a_freeze_in_the_hour_that_clocks_skip_is_none(tmp_path: Path) -> None:
    for freeze in (
        "{name: x, rrule: 'FREQ=DAILY;BYHOUR=2', duration: 1h}",
        "{name: x, start: '2027-03-28 02:00', end: '2027-03-28 03:00'}",
    ):
        found = calendar(tmp_path, f"timezone: Europe/Berlin, freezes: [{freeze}]", date(2027, 3, 28))
        assert not [f for f in found.freezes if f.begins.date() == date(2027, 3, 28)]


def test_until_may_be_a_day_the_zones_clock_or_utc() -> None:
    first, last = datetime(2027, 1, 1), datetime(2028, 1, 1)
    for until, day in (("20270105", 5), ("20270105T090000", 5), ("20270105T080000Z", 5), ("20270105T075959Z", 4)):
        found = list(recurrences(f"FREQ=DAILY;BYHOUR=9;UNTIL={until}", None, "Europe/Berlin", first, last))
        assert found[-1] == datetime(2027, 1, day, 9), until


def days_of(text: str) -> list[date]:
    """`1997 Sep 2 9, Oct 1`"""
    found, year, month = [], 0, ""
    for word in text.replace(",", " ").split():
        if word.isalpha():
            month = word
        elif len(word) == 4:
            year = int(word)
        else:
            found.append(datetime.strptime(f"{year} {month} {word}", "%Y %b %d").date())
    return found


@pytest.mark.parametrize(
    ("starts", "rule", "days"),
    [
        ("0902", "FREQ=DAILY;COUNT=10", "1997 Sep 2 3 4 5 6 7 8 9 10 11"),
        ("0902", "FREQ=DAILY;INTERVAL=2", "1997 Sep 2 4 6 8 10 12"),
        ("0902", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997 Sep 2 12 22 Oct 2 12"),
        ("0902", "FREQ=WEEKLY;COUNT=10", "1997 Sep 2 9 16 23 30 Oct 7 14 21 28 Nov 4"),
        ("0902", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "1997 Sep 2 16 30 Oct 14 28 Nov 11 25 Dec 9 23"),
        ("0902", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "1997 Sep 2 4 9 11 16 18 23 25 30 Oct 2"),
        (
            "0901",
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
            "1997 Sep 1 3 5 15 17 19 29 Oct 1 3 13 15 17 27 29 31 Nov 10 12 14 24 26 28 Dec 8 10 12 22",
        ),
        ("0902", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "1997 Sep 2 4 16 18 30 Oct 2 14 16"),
        ("0905", "FREQ=MONTHLY;COUNT=6;BYDAY=1FR", "1997 Sep 5 Oct 3 Nov 7 Dec 5 1998 Jan 2 Feb 6"),
        ("0907", "FREQ=MONTHLY;INTERVAL=2;COUNT=6;BYDAY=1SU,-1SU", "1997 Sep 7 28 Nov 2 30 1998 Jan 4 25"),
        ("0922", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997 Sep 22 Oct 20 Nov 17 Dec 22 1998 Jan 19 Feb 16"),
        ("0928", "FREQ=MONTHLY;BYMONTHDAY=-3", "1997 Sep 28 Oct 29 Nov 28 Dec 29 1998 Jan 29 Feb 26"),
        ("0902", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", "1997 Sep 2 15 Oct 2 15 Nov 2 15 Dec 2 15 1998 Jan 2 15"),
        ("0930", "FREQ=MONTHLY;COUNT=6;BYMONTHDAY=1,-1", "1997 Sep 30 Oct 1 31 Nov 1 30 Dec 1"),
        ("0902", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU", "1997 Sep 2 9 16 23 30 Nov 4 11 18 25 1998 Jan 6 13 20 27"),
        ("0902", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998 Feb 13 Mar 13 Nov 13 1999 Aug 13 2000 Oct 13"),
        ("0913", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "1997 Sep 13 Oct 11 Nov 8 Dec 13"),
        ("0904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997 Sep 4 Oct 7 Nov 6"),
        ("0929", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997 Sep 29 Oct 30 Nov 27 Dec 30"),
        ("0610", "FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997 Jun 10 Jul 10 1998 Jun 10 Jul 10"),
        (
            "0101",
            "FREQ=YEARLY;INTERVAL=3;COUNT=6;BYYEARDAY=1,100,200",
            "1997 Jan 1 Apr 10 Jul 19 2000 Jan 1 Apr 9 Jul 18",
        ),
        ("0519", "FREQ=YEARLY;BYDAY=20MO", "1997 May 19 1998 May 18 1999 May 17"),
        ("0512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997 May 12 1998 May 11 1999 May 17"),
        ("0313", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997 Mar 13 20 27 1998 Mar 5 12 19 26"),
        ("0805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997 Aug 5 10 19 24"),
        ("0805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997 Aug 5 17 19 31"),
    ],
)  # fmt: skip
def test_rules_recur_as_the_examples_of_rfc_5545_say(starts: str, rule: str, days: str) -> None:
    """RFC 5545, section 3.8.5.3."""
    assert trouble_with(rule, has_start=True) == ""
    begin = datetime.strptime(f"1997{starts}0900", "%Y%m%d%H%M")
    wanted = days_of(days)
    found = list(recurrences(rule, begin, "America/New_York", begin, datetime(2001, 1, 1)))
    assert [moment.date() for moment in found[: len(wanted)]] == wanted
    assert all(moment.time() == time(9) for moment in found)
    assert len(found) == len(wanted) or not {"COUNT", "UNTIL"} & {part.partition("=")[0] for part in rule.split(";")}


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY;COUNT=3;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;COUNT=1;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=DAILY;COUNT=9999;BYMONTH=2;BYMONTHDAY=31",
    ],
)
def test_a_rule_for_a_day_that_never_comes_is_given_up_within_four_centuries(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R11: such a rule was followed for 8,000 years, which took seconds, before it was found empty."""
    years = set[int]()
    rebuild = dateutil.rrule._iterinfo.rebuild

    def noted(info: Any, year: int, month: int) -> None:
        years.add(year)
        rebuild(info, year, month)

    monkeypatch.setattr(dateutil.rrule._iterinfo, "rebuild", noted)
    assert not trouble_with(rule, has_start=True)
    found = recurrences(rule, datetime(2027, 1, 1), "UTC", datetime(2027, 3, 1), datetime(2029, 3, 1))
    assert list(found) == []
    assert len(years) <= 400


def test_a_count_counts_from_the_start_and_not_from_what_is_asked_for() -> None:
    """R11: of three weeks from 1 January, one is left after the 14th."""
    found = recurrences(
        "FREQ=WEEKLY;COUNT=3", datetime(2027, 1, 1, 9), "UTC", datetime(2027, 1, 14), datetime(2028, 1, 1)
    )
    assert list(found) == [datetime(2027, 1, 15, 9)]


def test_a_rule_of_every_minute_is_refused_before_its_years_are_walked(tmp_path: Path) -> None:
    """R11: the years before the release were walked minute by minute first."""
    rule = "FREQ=DAILY;INTERVAL=2;BYHOUR=1,2,3;BYMINUTE=0,1,2,3"
    section = f"freezes: [{{name: x, rrule: '{rule}', start: '1990-01-01 00:00', duration: 1m}}]"
    with pytest.raises(ConfigError, match=r"freezes\[0\]\.rrule: .* recurs more than 8000 times in five years"):
        calendar(tmp_path, section, date(2027, 3, 17))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=MONTHLY;BYDAY=6TU", "the number is not within 1 to 5, or -1 to -5"),
        ("FREQ=YEARLY;BYDAY=99999TU", "the number is not within 1 to 53, or -1 to -53"),
        ("FREQ=YEARLY;BYMONTH=2;BYDAY=-6MO", "the number is not within 1 to 5, or -1 to -5"),
        ("FREQ=WEEKLY;BYDAY=2TU", "a number needs FREQ=MONTHLY or YEARLY"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=2TU", "a number needs FREQ=MONTHLY or YEARLY, without BYWEEKNO"),
    ],
)
def test_a_weekday_with_a_number_that_never_comes_is_refused(rule: str, words: str) -> None:
    """RFC 5545, section 3.3.10. Such a rule froze nothing, froze every week, or was an internal error."""
    assert words in trouble_with(rule, has_start=False)
