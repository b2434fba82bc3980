"""Releases whose days collide: with each other, with what they depend on, or with a day on which nothing may start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from zoneinfo import ZoneInfo

from pilotage.model.agenda import AgendaConflict, DatedRelease
from pilotage.model.calendar import Calendar, Freeze

Declared = Mapping[tuple[str, str], Sequence[Freeze]]
"""Freezes that people declared, by service and environment."""


def collisions(
    releases: Sequence[DatedRelease], depends_on: Mapping[str, Sequence[str]], calendar: Calendar, declared: Declared
) -> tuple[AgendaConflict, ...]:
    """depends_on: services by service. Sorted by day."""
    found = [*_between(releases, depends_on), *_closed(releases, calendar), *_declared(releases, calendar, declared)]
    return tuple(sorted(found, key=lambda one: (one.day, one.sentence)))


def _between(releases: Sequence[DatedRelease], depends_on: Mapping[str, Sequence[str]]) -> Iterator[AgendaConflict]:
    for one, other in combinations(releases, 2):
        if one.day != other.day or one.environment != other.environment:
            continue
        why = _why(one, other, depends_on)
        if why:
            services = tuple(sorted({one.service, other.service}))
            yield AgendaConflict(
                day=one.day, sentence=f"{one} and {other} are planned for the same day in {one.environment}, and {why}",
                services=services,
            )  # fmt: skip


def _why(one: DatedRelease, other: DatedRelease, depends_on: Mapping[str, Sequence[str]]) -> str:
    if one.service == other.service:
        return "one environment takes one rollout at a time"
    for first, second in ((one, other), (other, one)):
        if second.service in depends_on.get(first.service, ()):
            return f"{first.service} depends on {second.service}: if either fails, nobody can tell which one it was"
    shared = sorted({*depends_on.get(one.service, ())} & {*depends_on.get(other.service, ())})
    return f"both depend on {', '.join(shared)}" if shared else ""


def _closed(releases: Sequence[DatedRelease], calendar: Calendar) -> Iterator[AgendaConflict]:
    for one in releases:
        why = calendar.why_closed(one.day)
        if why:
            yield AgendaConflict(day=one.day, sentence=f"{one} is planned for a day without work: {why}",
                                 services=(one.service,))  # fmt: skip


def _declared(releases: Sequence[DatedRelease], calendar: Calendar, declared: Declared) -> Iterator[AgendaConflict]:
    for one in releases:
        for freeze in declared.get((one.service, one.environment), ()):
            begins, ends = (
                moment.astimezone(ZoneInfo(calendar.zone)).date() for moment in (freeze.begins, freeze.ends)
            )
            if begins <= one.day <= ends:
                yield AgendaConflict(
                    day=one.day, services=(one.service,),
                    sentence=f"{one} is planned for {one.environment} while the freeze {freeze.name} holds",
                )  # fmt: skip
