"""What a calendar of releases shows: entries of several kinds, and days on which they collide. Frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property


class AgendaKind(StrEnum):
    """What an entry is about."""

    ROLLOUT = "rollout"
    """One that has started."""
    RELEASE = "release"
    """One that people work on, with its date."""
    FREEZE = "freeze"
    WINDOW = "window"
    MEETING = "meeting"
    TRAIN = "train"
    HOLIDAY = "holiday"


@dataclass(frozen=True, kw_only=True)
class AgendaEntry:
    """uid: the same for ever · service, environment: empty for what concerns all · begins, ends: aware; of a
    rollout under way it ends now · whole_days: its days count, not its hours · path: of its page, empty without one ·
    moving: a rollout under way · name: of a freeze · declared: a freeze that a person declared and can lift."""

    uid: str
    kind: AgendaKind
    title: str
    begins: datetime
    ends: datetime
    service: str = ""
    environment: str = ""
    words: str = ""
    path: str = ""
    whole_days: bool = False
    moving: bool = False
    name: str = ""
    declared: bool = False

    def on(self, day: date) -> bool:
        """Whether it touches a day, in the zone of its times."""
        if self.begins.date() > day:
            return False
        last = self.ends.date()
        if last > self.begins.date() and self.ends.time() == time(0):
            return day < last
        return day <= last


@dataclass(frozen=True, kw_only=True)
class DatedRelease:
    """A release with its day."""

    service: str
    environment: str
    version: str
    day: date

    def __str__(self) -> str:
        return f"{self.service} {self.version}"


@dataclass(frozen=True, kw_only=True)
class AgendaConflict:
    """Why a day does not work as planned."""

    day: date
    sentence: str
    services: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """first, last: days shown, both included · entries: by time · cut: whether there are more rollouts than shown ·
    unread: pilotage.yaml cannot be read, so that its freezes, windows and holidays are missing."""

    zone: str
    first: date
    last: date
    entries: tuple[AgendaEntry, ...]
    conflicts: tuple[AgendaConflict, ...]
    cut: bool = False
    unread: bool = False

    def on(self, day: date) -> tuple[AgendaEntry, ...]:
        return self._by_day.get(day, ())

    @cached_property
    def _by_day(self) -> Mapping[date, tuple[AgendaEntry, ...]]:
        found: dict[date, list[AgendaEntry]] = {}
        for entry in self.entries:
            day = max(self.first, entry.begins.date())
            while day <= self.last and entry.on(day):
                found.setdefault(day, []).append(entry)
                day += timedelta(days=1)
        return {day: tuple(entries) for day, entries in found.items()}
