"""What is known of a service on each of the last days: seen by somebody who looked, or else told by records.

A day is as bad as the worst that is known of it. Of a day on which nobody looked and nothing was released, nothing is
known, and that is what the page says of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from pilotage.model.seen_day import SeenDay

LENGTH = 90
"""Days that the page shows."""

_LEAST = 1.0
"""Seconds from which a condition counts: less is rounding."""

Stretch = tuple[float, float]
"""From and until, Unix seconds."""


class DayState(StrEnum):
    """The worst first."""

    DOWN = "down"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"
    GOOD = "good"
    UNSEEN = "not-observed"

    @property
    def rank(self) -> int:
        return list(DayState).index(self)


@dataclass(frozen=True, kw_only=True)
class Day:
    """day: in UTC · seen: how long somebody looked, and what they saw; None of a day that records alone tell of."""

    day: date
    state: DayState
    seen: SeenDay | None = None


def days_of(
    counted: Mapping[date, SeenDay], hurt: Sequence[Stretch], watched: Sequence[Stretch], now: float,
    present: DayState = DayState.UNSEEN,
) -> tuple[Day, ...]:  # fmt: skip
    """The last days, today last. hurt: when incidents were open · watched: when its rollouts were under way, which
    compare versions all the time; both tell of days on which nobody counted · present: what the last look saw."""
    today = datetime.fromtimestamp(now, UTC).date()
    days = [_day(today - timedelta(days=back), counted, hurt, watched) for back in reversed(range(LENGTH))]
    worst = min(days[-1].state, present, key=lambda state: state.rank)
    return (*days[:-1], replace(days[-1], state=worst))


def first_day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date() - timedelta(days=LENGTH - 1)


def _day(day: date, counted: Mapping[date, SeenDay], hurt: Sequence[Stretch], watched: Sequence[Stretch]) -> Day:
    seen = counted.get(day)
    touched = _overlaps(day, hurt)
    if seen is not None and seen.whole >= _LEAST:
        return Day(day=day, state=_worst(seen, touched=touched), seen=seen)
    if touched:
        return Day(day=day, state=DayState.DEGRADED)
    return Day(day=day, state=DayState.GOOD if _overlaps(day, watched) else DayState.UNSEEN)


def _worst(seen: SeenDay, *, touched: bool) -> DayState:
    if seen.down >= _LEAST:
        return DayState.DOWN
    if seen.degraded >= _LEAST or touched:
        return DayState.DEGRADED
    return DayState.MAINTENANCE if seen.closed >= _LEAST else DayState.GOOD


def _overlaps(day: date, stretches: Sequence[Stretch]) -> bool:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return any(since < begins + 86400 and until >= begins for since, until in stretches)


def availability(days: Sequence[Day]) -> tuple[float | None, float]:
    """The share of the time seen in which users were answered, without maintenance; None if nobody looked. And the time
    seen, in seconds."""
    seen = [day.seen for day in days if day.seen is not None]
    up = sum(one.good + one.degraded for one in seen)
    whole = up + sum(one.down for one in seen)
    return (up / whole if whole else None), sum(one.whole for one in seen)
