"""When a tracked release can be out, from what is done and what is left of its phases. The plan's dates stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pilotage.model.activity import TrackedPhase, TrackedRelease
from pilotage.model.calendar import HORIZON, ONE_DAY, Calendar
from pilotage.model.wording import counted


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """earliest: every phase that is left takes its shortest time · safe: its longest · late: open days from the planned
    day to the earliest, 0 where that day can be kept."""

    planned: date
    earliest: date
    safe: date
    late: int

    @property
    def sentence(self) -> str:
        days = f"{self.earliest}" if self.earliest == self.safe else f"{self.earliest} to {self.safe}"
        if self.late:
            return f"forecast {days}, {counted(self.late, 'open day')} after the planned {self.planned}"
        return f"forecast {days}, planned {self.planned}"


def forecast(release: TrackedRelease, today: date, calendar: Calendar) -> Forecast:
    """The days on which all users can have the release. A phase that is partly done takes its part that is left; the
    first one begins today, or on its planned day where no work has begun."""
    share = {phase.id: _left(release, phase) for phase in release.phases}
    left = [phase for phase in release.phases if share[phase.id] > 0]
    if not left:
        return Forecast(planned=release.release_date, earliest=release.release_date, safe=release.release_date, late=0)
    begun = any(item.done for item in release.items)
    first = today if begun else max(today, left[0].start)
    earliest, safe = (
        _ends(first, [_days(getattr(phase, bound), share[phase.id]) for phase in left], calendar, release.emergency)
        for bound in ("shortest", "longest")
    )
    late = 0
    if earliest > release.release_date:
        late = calendar.open_days_between(release.release_date, earliest, emergency=release.emergency) - 1
    return Forecast(planned=release.release_date, earliest=earliest, safe=safe, late=max(late, 0))


def progress(release: TrackedRelease) -> Mapping[str, tuple[int, int]]:
    """By phase, how many of its items are done, and how many there are."""
    found = {}
    for phase in release.phases:
        mine = [item.done for item in release.items if item.phase == phase.id]
        found[phase.id] = (sum(mine), len(mine))
    return found


def _left(release: TrackedRelease, phase: TrackedPhase) -> float:
    """The part of a phase that is left, 0…1."""
    done, there = progress(release)[phase.id]
    return 1 - done / there if there else 0.0


def _days(whole: int, share: float) -> int:
    """Open days, at least one: what is open is not done before tonight."""
    return max(1, -int(-whole * share // 1))


def _ends(first: date, lengths: list[int], calendar: Calendar, emergency: bool) -> date:
    """The last of these open days, counted from `first` on."""
    left, day = sum(lengths), first
    for _ in range(HORIZON * 10):
        left -= calendar.counts(day, emergency)
        if left <= 0:
            return day
        day += ONE_DAY
    raise OverflowError(f"fewer than {sum(lengths)} open days in the ten years after {first}")
