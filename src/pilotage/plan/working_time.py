"""Working time: hours of working days, by the calendar of a release. Freezes stop rollouts, not work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pilotage.model.calendar import HORIZON, ONE_DAY, Calendar, at, later

DAY = 86_400
"""Seconds that a setting such as `1d` stands for."""


def working_seconds(calendar: Calendar, duration: float) -> float:
    """Of a duration as people write it: `1d` is one working day, `4h` are four working hours."""
    days, rest = divmod(duration, DAY)
    return days * _length(calendar) + rest


def before(calendar: Calendar, moment: datetime, duration: float) -> datetime:
    """The instant from which there is that much working time until `moment`. Raises OverflowError after years."""
    left, day = working_seconds(calendar, duration), moment.astimezone(ZoneInfo(calendar.zone)).date()
    if left <= 0:
        return moment
    for back in range(HORIZON * 10):
        begins, ends = _hours(calendar, day - ONE_DAY * back)
        there = min(ends, moment).timestamp() - begins.timestamp()
        if there >= left:
            return later(min(ends, moment).astimezone(begins.tzinfo), -left)
        left -= max(there, 0)
    raise OverflowError(f"less than {duration:g} s of working time in the ten years before {moment}")


def between(calendar: Calendar, first: datetime, last: datetime) -> float:
    """Seconds of working time in [first, last); 0 where last is not after first."""
    zone = ZoneInfo(calendar.zone)
    return sum(
        max(0.0, min(ends, last).timestamp() - max(begins, first).timestamp())
        for begins, ends in _days(calendar, first.astimezone(zone).date(), last.astimezone(zone).date())
    )


def in_words(calendar: Calendar, seconds: float) -> str:
    """`2 working days and 3h`, of seconds of working time, to the minute."""
    days, rest = divmod(seconds, _length(calendar))
    hours, minutes = divmod(round(rest) // 60, 60)
    parts = [f"{days:.0f} working day{'s' * (days != 1)}"] * (days > 0)
    if hours or minutes or not parts:
        parts.append(f"{hours}h" * bool(hours) + f"{minutes}m" * bool(minutes or not hours))
    return " and ".join(parts)


def _length(calendar: Calendar) -> float:
    opens, closes = (timedelta(hours=clock.hour, minutes=clock.minute) for clock in (calendar.opens, calendar.closes))
    return (closes - opens).total_seconds()


def _hours(calendar: Calendar, day: date) -> tuple[datetime, datetime]:
    """The working hours of a day; none of a day off."""
    begins = at(day, calendar.opens, calendar.zone)
    return begins, at(day, calendar.closes, calendar.zone) if calendar.is_working(day) else begins


def _days(calendar: Calendar, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    while first <= last:
        yield _hours(calendar, first)
        first += ONE_DAY
