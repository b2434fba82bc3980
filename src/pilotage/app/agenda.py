"""The calendar of a reader: releases, rollouts, freezes, windows, meetings and trains between two days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pilotage.app.grid import Sees
from pilotage.app.project import Project
from pilotage.engine.records import agenda as rows
from pilotage.engine.records.agenda import Moved
from pilotage.model.agenda import Agenda, AgendaConflict, AgendaEntry, AgendaKind, DatedRelease
from pilotage.model.calendar import ONE_DAY, Calendar, Freeze, midnight
from pilotage.model.errors import Invalid

MOST = 400
"""Rollouts in one view."""


def agenda_of(project: Project, first: date, last: date, sees: Sees, service: str = "") -> Agenda:
    """first, last: days in the calendar's zone, both included · service: only this one; empty for all."""
    known = _calendar(project, first)
    calendar = known or Calendar()
    zone = ZoneInfo(calendar.zone)
    begins, ends = midnight(first, calendar.zone).timestamp(), midnight(last + ONE_DAY, calendar.zone).timestamp()

    def shown(of: str, where: str) -> bool:
        return service in ("", of) and sees(of, where)

    store = project.store
    moved = rows.rollouts_between(store.engine, begins, ends, MOST)
    dated = [one for one in rows.schedules_between(store.engine, first, last) if shown(one.service, one.environment)]
    declared = [one for one in rows.freezes_between(store.engine, begins, ends) if shown(one[1], one[2])]
    entries = [
        *(_rollout(one, zone, project.clock.now()) for one in moved if shown(one.service, one.environment)),
        *(_release(one, calendar) for one in dated),
        *(_freeze(freeze, zone, str(number), of, where) for number, of, where, freeze in declared),
        *(_freeze(one, zone, f"{one.name}.{one.begins:%Y%m%d}") for one in _meeting(calendar, begins, ends)),
        *_meetings(project, begins, ends, zone, shown),
        *_days(calendar, first, last),
        *_trains(project, first, last),
    ]  # fmt: skip
    return Agenda(
        zone=calendar.zone, first=first, last=last, entries=tuple(sorted(entries, key=_rank)),
        conflicts=_conflicts(project, dated, calendar, declared), cut=len(moved) >= MOST, unread=known is None,
    )  # fmt: skip


def _rank(entry: AgendaEntry) -> tuple[bool, float, str]:
    return not entry.whole_days, entry.begins.timestamp(), entry.title


_REMEMBERED = 50


def _calendar(project: Project, around: date) -> Calendar | None:
    """None while the configuration cannot be read. To work out holidays and recurrences takes a while."""
    from pilotage.config.calendars import calendar_of

    known, day = project.calendars, around.replace(day=1)
    if day not in known:
        try:
            found = calendar_of(project.whole, day)
        except Invalid:
            return None
        if len(known) >= _REMEMBERED:
            known.clear()
        known[day] = found
    return known[day]


def _meeting(calendar: Calendar, begins: float, ends: float) -> Iterator[Freeze]:
    """Configured freezes that touch these days."""
    for one in calendar.freezes:
        if one.begins.timestamp() < ends and one.ends.timestamp() > begins:
            yield one


def _rollout(one: Moved, zone: ZoneInfo, now: float) -> AgendaEntry:
    return AgendaEntry(
        uid=f"rollout.{one.id}@pilotage", kind=AgendaKind.ROLLOUT, title=f"{one.service} {one.version}",
        begins=datetime.fromtimestamp(one.began, zone),
        ends=datetime.fromtimestamp(max(one.began, now if one.ended is None else one.ended), zone),
        service=one.service, environment=one.environment, words=one.status.value, path=f"/rollouts/{one.id}",
        moving=not one.status.final,
    )  # fmt: skip


def _release(one: DatedRelease, calendar: Calendar) -> AgendaEntry:
    return AgendaEntry(
        uid=f"release.{one.version}.{one.environment}.{one.service}@pilotage", kind=AgendaKind.RELEASE, title=str(one),
        begins=midnight(one.day, calendar.zone), ends=midnight(one.day + ONE_DAY, calendar.zone), service=one.service,
        environment=one.environment, words="planned", whole_days=True, path=f"/releases/{one.service}/{one.version}",
    )  # fmt: skip


def _freeze(freeze: Freeze, zone: ZoneInfo, number: str, service: str = "", environment: str = "") -> AgendaEntry:
    where = f": {service} in {environment}" if service else ""
    return AgendaEntry(
        uid=f"freeze.{number}@pilotage", kind=AgendaKind.FREEZE, title=f"Freeze {freeze.name}{where}",
        begins=freeze.begins.astimezone(zone), ends=freeze.ends.astimezone(zone), service=service,
        environment=environment, words=freeze.source, name=freeze.name, declared=bool(service),
    )  # fmt: skip


def _meetings(project: Project, begins: float, ends: float, zone: ZoneInfo, shown: Sees) -> Iterator[AgendaEntry]:
    for uid, service, environment, title, at, minutes in rows.meetings_between(project.store.engine, begins, ends):
        if shown(service, environment):
            start = datetime.fromtimestamp(at, zone)
            yield AgendaEntry(
                uid=uid, kind=AgendaKind.MEETING, title=title, begins=start, ends=start + timedelta(minutes=minutes),
                service=service, environment=environment, path=f"/meetings/{service}",
            )  # fmt: skip


def _days(calendar: Calendar, first: date, last: date) -> Iterator[AgendaEntry]:
    """Windows and holidays of each day."""
    day = first
    while day <= last:
        if day in calendar.holidays:
            yield AgendaEntry(
                uid=f"holiday.{day}@pilotage", kind=AgendaKind.HOLIDAY, title=calendar.holidays[day],
                begins=midnight(day, calendar.zone), ends=midnight(day + ONE_DAY, calendar.zone), whole_days=True,
            )  # fmt: skip
        for number, window in enumerate(calendar.windows):
            if day.weekday() in window.days:
                opening = window.on(day, calendar.zone)
                yield AgendaEntry(
                    uid=f"window.{number}.{day}@pilotage", kind=AgendaKind.WINDOW, title="Release window",
                    begins=opening.begins, ends=opening.ends,
                )  # fmt: skip
        day += ONE_DAY


def _trains(project: Project, first: date, last: date) -> Iterator[AgendaEntry]:
    """Only where the file has a train: the rule that follows from the answers is nobody's promise."""
    from pilotage.app.trains import station

    try:
        if project.whole.configuration.train is None:
            return
        found = station(project)
    except Invalid:
        return
    for one in found.upcoming:
        if first <= one.departs.date() <= last:
            yield AgendaEntry(
                uid=f"train.{one.day}@pilotage", kind=AgendaKind.TRAIN, title=f"{found.train.name} departs",
                begins=one.departs, ends=one.departs + timedelta(minutes=15), words=one.moved, path="/trains",
            )  # fmt: skip


def _conflicts(
    project: Project, dated: Sequence[DatedRelease], calendar: Calendar,
    declared: Sequence[tuple[int, str, str, Freeze]],
) -> tuple[AgendaConflict, ...]:  # fmt: skip
    from pilotage.plan.collisions import collisions

    held: dict[tuple[str, str], list[Freeze]] = {}
    for _, service, environment, freeze in declared:
        held.setdefault((service, environment), []).append(freeze)
    return collisions(dated, _depends_on(project), calendar, held)


def _depends_on(project: Project) -> Mapping[str, Sequence[str]]:
    try:
        return {name: section.depends_on for name, section in project.whole.configuration.services.items()}
    except Invalid:
        return {}


def local_today(project: Project) -> date:
    """The day it is where the calendar is; in UTC while it cannot be read."""
    try:
        return project.today
    except Invalid:
        return datetime.fromtimestamp(project.clock.now(), UTC).date()
