"""Whether the time of a release is a good one: working hours, working days after it, no freeze near."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pilotage.model.calendar import Calendar, at
from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_NOON = time(12)
_NEAR = timedelta(days=2)


def findings_of(when: datetime, calendar: Calendar, others: tuple[str, ...] = ()) -> list[Finding]:
    """What speaks against a release at `when`. others: releases that are under way next to it."""
    return [Finding(RiskFactor.TIMING, level, what, "", cure) for level, what, cure in _found(when, calendar, others)]


def _found(when: datetime, calendar: Calendar, others: tuple[str, ...]) -> Iterator[tuple[RiskLevel, str, str]]:
    if when.year >= MAXYEAR:  # there is no day after it
        return
    local = when.astimezone(ZoneInfo(calendar.zone))
    day, clock = local.date(), f"{local:%A %H:%M} {calendar.zone}"
    wait = "wait for the next working morning"
    if freeze := calendar.freeze_at(when):
        yield RiskLevel.CRITICAL, f"{clock} is in the freeze {freeze.name}", "wait for its end"
    elif not calendar.is_working(day):
        yield RiskLevel.HIGH, f"{clock} is not a working day ({calendar.holidays.get(day, 'weekend')})", wait
    elif not calendar.is_working(day + timedelta(days=1)) and local.time() >= _NOON:
        yield RiskLevel.MEDIUM, f"{clock} is the afternoon before non-working days", wait
    elif not calendar.opens <= local.time() < calendar.closes:
        yield RiskLevel.MEDIUM, f"{clock} is outside working hours", wait
    soon = next((f for f in calendar.freezes if timedelta() < f.begins - when <= _NEAR), None)
    if soon is not None:
        begins = soon.begins.astimezone(ZoneInfo(calendar.zone))
        words = f"the freeze {soon.name} starts {begins:%A %H:%M}: a fix would have to wait for its end"
        yield RiskLevel.MEDIUM, words, "release after it"
    if others:
        words = (
            f"{', '.join(others)} roll{'s' * (len(others) == 1)} out at the same time: harm would be hard to attribute"
        )
        yield RiskLevel.MEDIUM, words, "release one after the other"


def moment(day: object, calendar: Calendar) -> datetime:
    """When a release of `day` would begin: at the opening of that day."""
    from datetime import date

    assert isinstance(day, date)
    return calendar.opening_on(day) or at(day, calendar.opens, calendar.zone)
