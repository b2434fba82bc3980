"""Working days, and hours in which a release may start (R11). Days are dates, hours are zoned (C14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SATURDAY_AND_SUNDAY = frozenset({5, 6})
HORIZON = 366
"""How many days a search looks ahead or back before it gives up."""


@dataclass(frozen=True)
class Freeze:
    """No rollout may start in [starts, ends); both are aware datetimes. Rolling back is always allowed."""

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
    """A preferred time to begin a rollout: on these weekdays (0 is Monday) from `opens` until before `closes`, which is
    on the next day where it is earlier than `opens`. From midnight to midnight it is the whole day."""

    days: frozenset[int]
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.closes == self.opens != time(0):
            raise ValueError(f"the window opens and closes at {self.opens:%H:%M}: give it a length")

    def on(self, day: date, zone: str) -> Opening:
        """The window that opens on `day`, whether or not its weekdays say so."""
        last = day if self.opens < self.closes else day + ONE_DAY
        return Opening(day, at(day, self.opens, zone), at(last, self.closes, zone))


@dataclass(frozen=True)
class Opening:
    """A time in which a rollout of `day` may begin: [starts, ends)."""

    day: date
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Calendar:
    """zone: the release's own (IANA name) · zones: of the team, `zone` alone when empty · holidays: day to name, of
    every country of the team · windows: none means any working hour · opens, closes: the working day · weekend:
    weekdays without work (0 is Monday) · workdays: days of a weekend that are working days."""

    zone: str = "UTC"
    zones: tuple[str, ...] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    windows: tuple[Window, ...] = ()
    opens: time = time(9)
    closes: time = time(17)
    weekend: frozenset[int] = SATURDAY_AND_SUNDAY
    workdays: frozenset[date] = frozenset()

    @property
    def team_zones(self) -> tuple[str, ...]:
        return self.zones or (self.zone,)

    @cached_property
    def _touching(self) -> dict[date, list[Freeze]]:
        """For every day, the freezes that touch it."""
        zone = ZoneInfo(self.zone)
        touching: dict[date, list[Freeze]] = {}
        for freeze in self.freezes:
            last = (freeze.ends - timedelta(microseconds=1)).astimezone(zone).date()
            for day in days(freeze.begins.astimezone(zone).date(), last):
                touching.setdefault(day, []).append(freeze)
        return touching

    @cached_property
    def _closed(self) -> dict[date, Freeze]:
        """Days on which freezes leave no time to start a rollout, with the freeze that ends last."""
        return {
            day: max(there, key=lambda freeze: freeze.ends)
            for day, there in self._touching.items()
            if not any(self._starts(opening) for opening in (self._working_hours(day), *self._windows_on(day)))
        }

    def freeze_on(self, day: date) -> Freeze | None:
        """The freeze that leaves no time to start a rollout on `day`, if any."""
        return self._closed.get(day)

    def freeze_at(self, moment: datetime) -> Freeze | None:
        """The freeze that is active at that moment, if any; of several the one that ends last."""
        there = self._touching.get(moment.astimezone(ZoneInfo(self.zone)).date(), ())
        return max((f for f in there if f.begins <= moment < f.ends), key=lambda f: f.ends, default=None)

    def is_working(self, day: date) -> bool:
        """Neither weekend nor holiday."""
        return day not in self.holidays and (day.weekday() not in self.weekend or day in self.workdays)

    def is_open(self, day: date) -> bool:
        """A working day that freezes leave time on: one that counts in a phase."""
        return day not in self._closed and self.is_working(day)

    def why_closed(self, day: date) -> str:
        """`2026-12-25 is a holiday (Christmas Day)`; empty for an open day, and for one that has a window."""
        if freeze := self.freeze_on(day):
            return f"{day} is in the freeze ({freeze.name})"
        if day in self.holidays:
            return f"{day} is a holiday ({self.holidays[day]})"
        return "" if self.is_working(day) or self._windows_on(day) else f"{day} is a {day:%A}"

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
        """How many open days are in first … last, both included; negative, counted the other way, when last < first."""
        if last < first:
            return -sum(self.counts(last + ONE_DAY * n, emergency) for n in range(1, (first - last).days))
        return sum(self.counts(first + ONE_DAY * n, emergency) for n in range((last - first).days + 1))

    def counts(self, day: date, emergency: bool) -> bool:
        """Whether a phase may use `day`."""
        return day not in self._closed if emergency else self.is_open(day)

    def takes_rollouts(self, day: date, emergency: bool) -> bool:
        """Whether a rollout may start or end on `day`: on one that counts, or in a window that opens on it though it is
        in a weekend."""
        in_window = day not in self._closed and day not in self.holidays and bool(self._windows_on(day))
        return in_window or self.counts(day, emergency)

    def is_frozen(self, day: date, emergency: bool) -> bool:
        """Whether a freeze takes `day` from a rollout, which could have used it."""
        could = emergency or self.is_working(day) or bool(self._windows_on(day))
        return could and day in self._closed

    def opening_on(self, day: date) -> datetime | None:
        """When a rollout may first start on `day` in `zone`; None when the preferred windows leave that day out, or
        freezes leave no time."""
        return min((moment for moment, _ in self.starts_on(day)), default=None)

    def starts_on(self, day: date) -> Iterator[tuple[datetime, Opening]]:
        """Times on `day` from which a rollout may start, with the window or the working day that each belongs to: where
        that opens, and where a freeze ends in it."""
        for opening in self._windows_on(day) if self.windows else (self._working_hours(day),):
            yield from ((moment, opening) for moment in self._starts(opening))

    def meets_freeze(self, begins: datetime, ends: datetime) -> bool:
        """Whether a freeze is active at any moment in [starts, ends)."""
        zone = ZoneInfo(self.zone)
        there = (
            self._touching.get(day, ()) for day in days(begins.astimezone(zone).date(), ends.astimezone(zone).date())
        )
        return any(freeze.begins < ends and begins < freeze.ends for found in there for freeze in found)

    def with_freezes(self, begins: datetime, seconds: float) -> datetime:
        """`begins` plus elapsed time in which no freeze is active, in its own zone."""
        left, moment = timedelta(seconds=seconds), begins
        for freeze in sorted(self.freezes, key=lambda freeze: freeze.begins):
            if freeze.ends <= moment:
                continue
            if freeze.begins >= moment + left:
                break
            left -= max(timedelta(), freeze.begins - moment)
            moment = freeze.ends
        return later(moment.astimezone(begins.tzinfo), left.total_seconds())

    def _working_hours(self, day: date) -> Opening:
        return Opening(day, at(day, self.opens, self.zone), at(day, self.closes, self.zone))

    def _windows_on(self, day: date) -> tuple[Opening, ...]:
        return tuple(window.on(day, self.zone) for window in self.windows if day.weekday() in window.days)

    def _starts(self, opening: Opening) -> list[datetime]:
        zone = ZoneInfo(self.zone)
        there = [freeze for day in days(opening.day, opening.ends.date()) for freeze in self._touching.get(day, ())]
        moments = {opening.begins, *(f.ends.astimezone(zone) for f in there if opening.begins < f.ends < opening.ends)}
        return sorted(moment for moment in moments if not any(f.begins <= moment < f.ends for f in there))


@lru_cache(maxsize=4096)
def at(day: date, clock: time, zone: str) -> datetime:
    """The instant when clocks in `zone` show `clock` on `day`; one that the clocks skip is the next that they show."""
    wall = datetime.combine(day, clock, ZoneInfo(zone))
    try:
        return wall.astimezone(UTC).astimezone(ZoneInfo(zone))
    except OverflowError:  # on the first and the last day that a date can say, no clocks skip anything
        return wall


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
