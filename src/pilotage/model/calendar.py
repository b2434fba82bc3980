"""Days on which people work and hours in which a release may begin (R11). Days are dates, hours are zoned (C14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HORIZON = 366
"""How many days a search looks ahead or back before it gives up."""


@dataclass(frozen=True)
class Freeze:
    """No rollout may start in [begins, ends); both are aware datetimes. Rolling back is always allowed."""

    name: str
    begins: datetime
    ends: datetime
    source: str = ""

    def __post_init__(self) -> None:
        if self.begins.tzinfo is None or self.ends.tzinfo is None:
            raise ValueError(f"freeze {self.name!r}: its times need a time zone")
        if self.ends <= self.begins:
            raise ValueError(f"freeze {self.name!r} ends ({self.ends}) before it starts ({self.begins})")

    @staticmethod
    def of_days(name: str, first: date, last: date, zone: str = "UTC", source: str = "") -> Freeze:
        """The whole days `first` … `last`, both included, in `zone`."""
        return Freeze(name, midnight(first, zone), midnight(last + ONE_DAY, zone), source)


@dataclass(frozen=True)
class Window:
    """A preferred time to begin a rollout: on these weekdays (0 is Monday) from `opens` until before `closes`."""

    days: frozenset[int]
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.closes <= self.opens:
            raise ValueError(f"window closes ({self.closes:%H:%M}) before it opens ({self.opens:%H:%M})")


@dataclass(frozen=True)
class Calendar:
    """zone: the release's own (IANA name) · zones: where the team sits, `zone` alone when empty · holidays: day to
    name, of every country of the team · windows: none means any working hour · opens, closes: the working day.
    """

    zone: str = "UTC"
    zones: tuple[str, ...] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    windows: tuple[Window, ...] = ()
    opens: time = time(9)
    closes: time = time(17)

    @property
    def team_zones(self) -> tuple[str, ...]:
        return self.zones or (self.zone,)

    @cached_property
    def _frozen(self) -> dict[date, Freeze]:
        """Every day that a freeze touches."""
        zone = ZoneInfo(self.zone)
        frozen: dict[date, Freeze] = {}
        for freeze in self.freezes:
            day, last = freeze.begins.astimezone(zone).date(), (freeze.ends - timedelta(microseconds=1))
            while day <= last.astimezone(zone).date():
                frozen.setdefault(day, freeze)
                day += ONE_DAY
        return frozen

    def freeze_on(self, day: date) -> Freeze | None:
        """The freeze that touches `day`, if any."""
        return self._frozen.get(day)

    def is_working(self, day: date) -> bool:
        """Neither weekend nor holiday."""
        return day.weekday() < 5 and day not in self.holidays

    def is_open(self, day: date) -> bool:
        """A working day that no freeze touches: one that counts in a phase."""
        return day.weekday() < 5 and day not in self.holidays and day not in self._frozen

    def why_closed(self, day: date) -> str:
        """`2026-12-25 is a holiday (Christmas Day)`; empty for an open day."""
        if freeze := self.freeze_on(day):
            return f"{day} is in the freeze ({freeze.name})"
        if day in self.holidays:
            return f"{day} is a holiday ({self.holidays[day]})"
        return f"{day} is a {day:%A}" if day.weekday() > 4 else ""

    def working_day_before(self, day: date, count: int) -> date:
        """The working day `count` working days before `day`; 0 gives `day`, or the nearest working day before it."""
        while not self.is_working(day):
            day -= ONE_DAY
        for _ in range(count):
            day -= ONE_DAY
            while not self.is_working(day):
                day -= ONE_DAY
        return day

    def working_day_after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day` (count ≥ 1)."""
        for _ in range(count):
            day += ONE_DAY
            while not self.is_working(day):
                day += ONE_DAY
        return day

    def open_days_back(self, end: date, count: int, *, emergency: bool = False) -> date:
        """The first of `count` open days that end on `end`, itself one of them. Raises OverflowError after years.

        With `emergency` weekends and holidays count too; frozen days never do.
        """
        day, left = end, count - 1
        for _ in range(HORIZON * 10):
            if left <= 0:
                return day
            day -= ONE_DAY
            left -= self.counts(day, emergency)
        raise OverflowError(f"fewer than {count} open days in the ten years before {end}")

    def open_days_between(self, first: date, last: date, *, emergency: bool = False) -> int:
        """How many open days lie in first … last, both included; negative, counted the other way, when last < first."""
        if last < first:
            return -sum(self.counts(last + ONE_DAY * n, emergency) for n in range(1, (first - last).days))
        return sum(self.counts(first + ONE_DAY * n, emergency) for n in range((last - first).days + 1))

    def counts(self, day: date, emergency: bool) -> bool:
        """Whether a phase may use `day`."""
        return day not in self._frozen if emergency else self.is_open(day)

    def opening_on(self, day: date) -> datetime | None:
        """When a rollout may first begin on `day` in `zone`; None when the preferred windows leave that day out."""
        if not self.windows:
            return at(day, self.opens, self.zone)
        opens = [window.opens for window in self.windows if day.weekday() in window.days]
        return at(day, min(opens), self.zone) if opens else None


@lru_cache(maxsize=4096)
def at(day: date, clock: time, zone: str) -> datetime:
    """The instant when clocks in `zone` show `clock` on `day`; one that the clocks skip is the next that they show."""
    wall = datetime.combine(day, clock, ZoneInfo(zone))
    return wall.astimezone(UTC).astimezone(ZoneInfo(zone))


def midnight(day: date, zone: str) -> datetime:
    return at(day, time(0), zone)


def later(instant: datetime, seconds: float) -> datetime:
    """`instant` plus elapsed time, in its own zone: a day with a clock change has 23 or 25 hours."""
    return (instant.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(instant.tzinfo)


def days(first: date, last: date) -> Iterator[date]:
    """first … last, both included."""
    while first <= last:
        yield first
        first += ONE_DAY
