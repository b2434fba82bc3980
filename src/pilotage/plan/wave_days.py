"""When waves of tenants start: on the working day that their users are told, or once the wave before was watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from pilotage.model.calendar import ONE_DAY, Calendar, at, later
from pilotage.model.plan import Step, StepKind
from pilotage.plan.dates import Landing, PlanRefused, Search, land
from pilotage.plan.rows import DAY
from pilotage.plan.tenant_waves import Group

_TRIES = 10
"""A calendar with more closed days in a row than it takes to settle is refused."""


def days_of(groups: tuple[Group, ...]) -> Mapping[str, int]:
    """The working day of the rollout on which each step starts, for those that say one."""
    told = {group.step: [wave.day for wave in group.waves if wave.day is not None] for group in groups}
    return {step: max(days) for step, days in told.items() if days}


def landed(
    search: Search, wanted: date, steps: tuple[Step, ...], days: Mapping[str, int]
) -> tuple[Landing, tuple[str, ...], Mapping[str, datetime]]:
    """As `land`, with the waits for the days of waves: the landing, its notes, and when each of these steps starts.
    Raises PlanRefused."""
    for _ in range(_TRIES):
        landing, notes = land(search, wanted)
        if not days:
            return landing, notes, {}
        starts = _starts(landing.begins, days, search.calendar)
        exposed = _exposed(steps, landing.begins, starts)
        if exposed.date() <= landing.release:
            return replace(landing, exposed=exposed), notes, starts
        missing = (exposed.date() - landing.release) // ONE_DAY * DAY
        search = replace(search, lead=search.lead + missing)
    last = max(days, key=lambda step: days[step])
    raise PlanRefused(
        f"{last} starts on working day {days[last]} of the rollout, and no day before {wanted} leaves room"
    )


def waits(steps: tuple[Step, ...], days: Mapping[str, int]) -> int | float:
    """Seconds that the days of waves add at least to the steps' own."""
    now: int | float = 0
    own: int | float = 0
    for step in _before_everyone(steps):
        if step.id in days:
            now = max(now, (days[step.id] - 1) * DAY)
        now, own = now + step.duration, own + step.duration
    return now - own


def _starts(begins: datetime, days: Mapping[str, int], calendar: Calendar) -> Mapping[str, datetime]:
    first = begins.date()
    return {
        step: begins if day == 1 else at(calendar.working_day_after(first, day - 1), calendar.opens, calendar.zone)
        for step, day in days.items()
    }


def _exposed(steps: tuple[Step, ...], begins: datetime, starts: Mapping[str, datetime]) -> datetime:
    """When everyone has the release, if nothing delays it."""
    now = begins
    for step in _before_everyone(steps):
        now = later(max(now, starts.get(step.id, now)), step.duration)
    return now


def _before_everyone(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Up to the step with which everyone has it."""
    last = next(i for i, s in enumerate(steps) if s.weight == 1000 and s.kind is StepKind.SET_WEIGHT)
    return steps[: last + 1]
