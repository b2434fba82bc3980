"""From the calendar section to the days and hours it means: holidays by country, freezes by rule (R11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from pilotage.config.calendar import CalendarSection, FreezeSection, WindowSection
from pilotage.config.loading import Loaded
from pilotage.config.yaml_reader import ConfigError, Problem
from pilotage.model.calendar import WEEKDAYS, Calendar, Freeze, Window, at

_BEFORE, _AFTER = timedelta(days=2 * 366), timedelta(days=3 * 366)
"""How far around a release date holidays and recurring freezes are worked out: its phases and its retrospective."""
_MOST = 2000
"""Recurrences of one rule in that time; more is a mistake."""
_FIRST = "2020-01-01"


def calendar_of(loaded: Loaded, around: date | None) -> Calendar:
    """The calendar for a release around a day; without a day, its zones alone. Raises ConfigError."""
    section = loaded.configuration.calendar
    opens, closes = time.fromisoformat(section.workday_start), time.fromisoformat(section.workday_end)
    if around is None:
        return Calendar(section.timezone, tuple(section.team_timezones), opens=opens, closes=closes)
    first, last = around - _BEFORE, around + _AFTER
    return Calendar(
        section.timezone,
        tuple(section.team_timezones),
        _holidays(loaded, section, range(first.year, last.year + 1)),
        tuple(freeze for index in range(len(section.freezes)) for freeze in _freezes(loaded, index, first, last)),
        tuple(_window(window) for window in section.windows),
        opens,
        closes,
    )


def _window(section: WindowSection) -> Window:
    numbers = frozenset(WEEKDAYS.index(day) for day in section.days)
    return Window(numbers, time.fromisoformat(section.start), time.fromisoformat(section.end))


def _holidays(loaded: Loaded, section: CalendarSection, years: range) -> dict[date, str]:
    """Every day off of every country named; of two names for one day the first country's."""
    if not section.holidays:
        return {}
    import holidays

    found: dict[date, str] = {}
    for index, place in enumerate(section.holidays):
        country, _, region = place.partition("-")
        try:
            days = holidays.country_holidays(country, subdiv=region or None, years=years)
            if "en_US" in days.supported_languages:
                days = holidays.country_holidays(country, subdiv=region or None, years=years, language="en_US")
        except NotImplementedError:
            message = f"{place!r} is no country or region whose holidays are known, such as DE, DE-BY or US-CA"
            raise _wrong(loaded, ("calendar", "holidays", index), message) from None
        for day, name in days.items():
            found.setdefault(day, name)
    return dict(sorted(found.items()))


def _freezes(loaded: Loaded, index: int, first: date, last: date) -> Iterator[Freeze]:
    section, zone = loaded.configuration.calendar.freezes[index], loaded.configuration.calendar.timezone
    place = loaded.place("calendar", "freezes", index)
    if section.first_day and section.last_day:
        yield Freeze.of_days(
            section.name, date.fromisoformat(section.first_day), date.fromisoformat(section.last_day), zone, place
        )
    elif section.start and section.end:
        yield Freeze(section.name, _local(section.start, zone), _local(section.end, zone), place)
    else:
        yield from _recurring(loaded, section, index, (first, last), place)


def _recurring(
    loaded: Loaded, section: FreezeSection, index: int, span: tuple[date, date], place: str
) -> Iterator[Freeze]:  # fmt: skip
    """Recurrences by the wall clock of the zone, so that a clock change moves none of them."""
    from dateutil.rrule import rrulestr

    zone, start = loaded.configuration.calendar.timezone, datetime.fromisoformat(section.start or _FIRST)
    lasts = timedelta(seconds=section.duration or 0)
    try:
        rule = rrulestr(section.rrule or "", dtstart=start)
    except (ValueError, TypeError) as error:
        raise _wrong(
            loaded, ("calendar", "freezes", index, "rrule"), f"{section.rrule!r} is no RRULE: {error}"
        ) from None
    for number, moment in enumerate(rule.xafter(datetime.combine(span[0], time(0)), inc=True)):
        if moment.date() > span[1]:
            return
        if number >= _MOST:
            message = f"{section.rrule!r} recurs more than {_MOST} times in five years"
            raise _wrong(loaded, ("calendar", "freezes", index, "rrule"), message)
        begins = at(moment.date(), moment.time(), zone)
        ends = moment + lasts
        yield Freeze(section.name, begins, at(ends.date(), ends.time(), zone), place)


def _local(text: str, zone: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return at(moment.date(), moment.time(), zone)


def _wrong(loaded: Loaded, path: tuple[str | int, ...], message: str) -> ConfigError:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return ConfigError(str(loaded.path), [Problem(loaded.document.mark(path), message, shown)])
