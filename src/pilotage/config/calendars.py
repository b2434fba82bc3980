"""From the calendar section to the days and hours it means: holidays by country, freezes by rule (R11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from pilotage.config.calendar import CalendarSection, FreezeSection, WindowSection
from pilotage.config.loading import Loaded
from pilotage.config.recurrence import TooOften, recurrences
from pilotage.config.yaml_reader import ConfigError, Problem
from pilotage.model.calendar import SATURDAY_AND_SUNDAY, WEEKDAYS, Calendar, Freeze, Window, at

if TYPE_CHECKING:
    from holidays.holiday_base import HolidayBase

_BEFORE, _AFTER = timedelta(days=2 * 366), timedelta(days=3 * 366)
"""How far around a release date holidays and recurring freezes are worked out: its phases and its retrospective."""


def calendar_of(loaded: Loaded, around: date | None) -> Calendar:
    """The calendar for a release around a day; without a day, its zones alone. Raises ConfigError."""
    section = loaded.configuration.calendar
    opens, closes = time.fromisoformat(section.workday_start), time.fromisoformat(section.workday_end)
    if around is None:
        return Calendar(section.timezone, tuple(section.team_timezones), opens=opens, closes=closes)
    first, last = around - _BEFORE, around + _AFTER
    off = _days_off(loaded, section, range(first.year, last.year + 1))
    return Calendar(
        section.timezone,
        tuple(section.team_timezones),
        off.holidays,
        tuple(freeze for index in range(len(section.freezes)) for freeze in _freezes(loaded, index, first, last)),
        tuple(_window(window) for window in section.windows),
        opens,
        closes,
        frozenset(WEEKDAYS.index(day) for day in section.weekend) if section.weekend is not None else off.weekend,
        off.workdays,
    )


def _window(section: WindowSection) -> Window:
    numbers = frozenset(WEEKDAYS.index(day) for day in section.days)
    end = time(0) if section.end == "24:00" else time.fromisoformat(section.end)
    return Window(numbers, time.fromisoformat(section.start), end)


@dataclass(frozen=True, kw_only=True)
class _DaysOff:
    """For all countries of a team. holidays: day to name · weekend: weekdays, 0 is Monday · workdays: days of a weekend
    that are working days in exchange for others."""

    holidays: Mapping[date, str]
    weekend: frozenset[int] = SATURDAY_AND_SUNDAY
    workdays: frozenset[date] = frozenset()


def _days_off(loaded: Loaded, section: CalendarSection, years: range) -> _DaysOff:
    """Every day off of every country named; if a day has two names, the first country's. A working weekend day of one
    country is not one of the team if it is a day off in another."""
    if not section.holidays:
        return _DaysOff(holidays={})
    calendars = [_country(loaded, index, place, years) for index, place in enumerate(section.holidays)]
    found: dict[date, str] = {}
    for country in calendars:
        for day, name in country.items():
            found.setdefault(day, name)
    weekend = frozenset(day for country in calendars for day in country.weekend)
    exchanged = frozenset(day for country in calendars for day in country.weekend_workdays)
    return _DaysOff(
        holidays=dict(sorted(found.items())),
        weekend=weekend,
        workdays=frozenset(day for day in exchanged if all(country.is_working_day(day) for country in calendars)),
    )


def has_holidays(place: str) -> bool:
    """Whether the holidays of a country or region such as DE-BY are known."""
    import holidays

    country, _, region = place.partition("-")
    try:
        holidays.country_holidays(country, subdiv=region or None)
    except NotImplementedError:
        return False
    return True


def _country(loaded: Loaded, index: int, place: str, years: range) -> HolidayBase:
    import holidays

    country, _, region = place.partition("-")
    try:
        days = holidays.country_holidays(country, subdiv=region or None, years=years)
        if "en_US" in days.supported_languages:
            days = holidays.country_holidays(country, subdiv=region or None, years=years, language="en_US")
    except NotImplementedError:
        message = f"{place!r} is not a country or region with known holidays, such as DE, DE-BY or US-CA"
        raise _wrong(loaded, ("calendar", "holidays", index), message) from None
    return days


def _freezes(loaded: Loaded, index: int, first: date, last: date) -> Iterator[Freeze]:
    section, zone = loaded.configuration.calendar.freezes[index], loaded.configuration.calendar.timezone
    place = loaded.place("calendar", "freezes", index)
    if section.first_day and section.last_day:
        yield Freeze.of_days(
            section.name, date.fromisoformat(section.first_day), date.fromisoformat(section.last_day), zone, place
        )
    elif section.start and section.end:
        begins, ends = _local(section.start, zone), _local(section.end, zone)
        if begins < ends:  # in the hour that clocks skip, nothing is frozen
            yield Freeze(section.name, begins, ends, place)
    else:
        yield from _recurring(loaded, section, index, (first, last), place)


def _recurring(
    loaded: Loaded, section: FreezeSection, index: int, span: tuple[date, date], place: str
) -> Iterator[Freeze]:  # fmt: skip
    """Recurrences by the wall clock of the zone, so that a clock change moves none of them."""
    zone, starts = loaded.configuration.calendar.timezone, section.start
    lasts = timedelta(seconds=section.duration or 0)
    begin = datetime.fromisoformat(starts) if starts else None
    # One that began before is still active for as long as it lasts.
    first, last = datetime.combine(span[0], time(0)) - lasts, datetime.combine(span[1], time.max)
    try:
        for moment in recurrences(section.rrule or "", begin, zone, first, last):
            begins, ends = at(moment.date(), moment.time(), zone), moment + lasts
            until = at(ends.date(), ends.time(), zone)
            if begins < until:
                yield Freeze(section.name, begins, until, place)
    except TooOften as error:
        raise _wrong(loaded, ("calendar", "freezes", index, "rrule"), str(error)) from None


def _local(text: str, zone: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return at(moment.date(), moment.time(), zone)


def _wrong(loaded: Loaded, path: tuple[str | int, ...], message: str) -> ConfigError:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return ConfigError(str(loaded.path), [Problem(loaded.document.mark(path), message, shown)])
