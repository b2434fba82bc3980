"""When a step runs if nothing holds it, and who must be awake for it, zone by zone (R11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pilotage.model.calendar import ONE_DAY, Calendar, at, later
from pilotage.model.plan import Step, StepKind
from pilotage.model.schedule import OnCall, Role, Shift
from pilotage.model.traffic import WHOLE

_WAKES, _SLEEPS = time(7), time(22)
_SHORTEST = 60
"""Seconds; a wait below this is not a shift."""


def on_call_of(
    steps: tuple[Step, ...], begins: datetime, calendar: Calendar, *, auto: bool, answer: str,
    starts: Mapping[str, datetime] = MappingProxyType({}),
) -> tuple[OnCall, ...]:  # fmt: skip
    """Every stretch of the rollout that lasts, with its shifts. `auto`: harm is rolled back without asking anyone ·
    starts: before which steps do not start, by their ids."""
    waves, now = [], begins
    closed = sum(step.timeout for step in steps if step.downtime)
    for step in steps:
        now = max(now, starts.get(step.id, now))
        if step.kind is StepKind.MAINTENANCE and step.downtime:
            ends, duty, because = later(now, closed), "act", "the service is closed"
        elif step.kind is StepKind.GATE:
            ends, duty, because = later(now, step.timeout), "act", "someone other than the author must approve"
        elif step.duration < _SHORTEST:
            continue
        else:
            ends = later(now, step.duration)
            duty, because = _duty(step, auto, answer)
        shifts = tuple(_shifts(now, ends, calendar))
        waves.append(OnCall(step.id, step.title, now, ends, Role.DEVOPS_ENGINEER, duty, because, shifts))
        now = later(now, step.duration)
    return tuple(waves)


def _duty(step: Step, auto: bool, answer: str) -> tuple[str, str]:
    if step.judged and step.weight == WHOLE:
        # Nothing runs next to it: what is left is a comparison with the past, which undoes nothing (C1).
        return (
            "answer",
            "at 100 %, harm below the critical limit needs a decision; there is no automatic rollback",
        )
    if step.judged and not auto:
        return (
            "answer",
            "harm below the critical limit withdraws the traffic or stops the rollout, and needs a decision within "
            f"{answer}, or it rolls back",
        )
    if step.judged:
        return "reachable", "harm rolls back automatically; a failed rollback needs an operator"
    return "reachable", "the release can still be rolled back"


def _shifts(begins: datetime, ends: datetime, calendar: Calendar) -> Iterator[Shift]:
    """[starts, ends] cut where working hours start or end somewhere; each piece goes to a zone that is at work."""
    current: Shift | None = None
    for left, right in _pieces(begins, ends, calendar):
        zone, outside = _cover(left + (right - left) / 2, calendar, current.zone if current else "")
        if current and (current.zone, current.outside) == (zone, outside):
            current = Shift(zone, current.begins, right.astimezone(ZoneInfo(zone)), outside)
            continue
        if current:
            yield current
        current = Shift(zone, left.astimezone(ZoneInfo(zone)), right.astimezone(ZoneInfo(zone)), outside)
    if current:
        yield current


def _pieces(begins: datetime, ends: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    # In UTC: two zones' times are never equal in the hour that a clock shows twice.
    begins, ends = begins.astimezone(UTC), ends.astimezone(UTC)
    cuts = {begins, ends}
    for zone in calendar.team_zones:
        local = ZoneInfo(zone)
        day, last = begins.astimezone(local).date(), ends.astimezone(local).date()
        while day <= last:
            clocks = (_WAKES, calendar.opens, calendar.closes, _SLEEPS)
            cuts.update(cut for clock in clocks if begins < (cut := at(day, clock, zone).astimezone(UTC)) < ends)
            day += ONE_DAY
    ordered = sorted(cuts)
    if len(ordered) == 1:
        ordered *= 2
    yield from pairwise(ordered)


def _cover(middle: datetime, calendar: Calendar, before: str) -> tuple[str, bool]:
    """The zone that covers an instant, and whether outside its working hours; the one before keeps it if able."""
    zones = sorted(calendar.team_zones, key=lambda zone: zone != before)
    clocks = {zone: middle.astimezone(ZoneInfo(zone)) for zone in zones}
    for zone, clock in clocks.items():
        if calendar.is_working(clock.date()) and calendar.opens <= clock.time() < calendar.closes:
            return zone, False
    for zone, clock in clocks.items():
        if _WAKES <= clock.time() < _SLEEPS:
            return zone, True
    return calendar.team_zones[0], True


def outside_hours(waves: tuple[OnCall, ...]) -> timedelta:
    """How long people work outside working hours, in total."""
    return sum((shift.ends - shift.begins for wave in waves for shift in wave.shifts if shift.outside), timedelta())
