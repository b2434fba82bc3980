"""Which day a release lands on, when its rollout starts, and what to say when no day works (R11, C14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from pilotage.model.calendar import HORIZON, ONE_DAY, Calendar, days, later
from pilotage.model.errors import Invalid
from pilotage.plan.phases import Slot, Span, slots_of, widened

MOVED = "moves earlier"
"""How a note says that the release is not on the wanted day."""


class PlanRefused(Invalid):
    """These inputs contradict each other. The message says which, and the smallest change that resolves it."""


@dataclass(frozen=True)
class Landing:
    """release: everyone has it on this day · begins: the rollout's first move · exposed: when everyone has it."""

    release: date
    begins: datetime
    exposed: datetime


@dataclass(frozen=True)
class Search:
    """What a date must satisfy. lead: seconds from the first move to full exposure · decided: today, when known ·
    emergency: weekends and holidays count too (a hotfix) · done: phases that need no time any more.
    """

    spans: tuple[Span, ...]
    lead: int | float
    calendar: Calendar
    decided: date | None
    done: frozenset[str]
    emergency: bool

    def landing(self, day: date) -> Landing | None:
        """The rollout that ends on `day`: it starts in a window, as late as it can, and spans no frozen day."""
        if not self.calendar.takes_rollouts(day, self.emergency):
            return None
        start = day
        for _ in range(HORIZON):
            if self.calendar.is_frozen(start, self.emergency):
                return None
            if found := self._begun_on(start, day):
                return found if self._first_open(found.exposed.date(), day) else None
            start -= ONE_DAY
        return None

    def _begun_on(self, start: date, day: date) -> Landing | None:
        """The first rollout that starts on `start` and ends by `day`, preferably one that no freeze delays. A rollout
        that ends in the window in which it started belongs to the window's day, even after midnight."""
        if not self.calendar.takes_rollouts(start, self.emergency):
            return None
        held: Landing | None = None
        for begins, opening in self.calendar.starts_on(start):
            exposed = later(begins, self.lead)
            if exposed.date() > day and not (opening.day == day and exposed <= opening.ends):
                continue
            if not self.calendar.meets_freeze(begins, exposed):
                return Landing(day, begins, exposed)
            # Steps wait for the end of a freeze: only one that is over by the end of that day is borne.
            held = held or self._held_up(Landing(day, begins, exposed))
        return held

    def _held_up(self, landing: Landing) -> Landing | None:
        """The same rollout, later by the freezes that it meets."""
        exposed = self.calendar.with_freezes(landing.begins, self.lead)
        return replace(landing, exposed=exposed) if exposed.date() <= landing.release else None

    def _first_open(self, exposed: date, day: date) -> bool:
        """Whether `day` is the first open one on which everyone has the release."""
        return not any(self.calendar.counts(between, self.emergency) for between in days(exposed, day - ONE_DAY))

    def slots(self, landing: Landing) -> tuple[Slot, ...]:
        """The phases before `landing`, the last one long enough for the rollout itself."""
        if not self.spans:
            return ()
        took = self.calendar.open_days_between(landing.begins.date(), landing.release, emergency=self.emergency)
        spans = widened(self.spans, took)
        return slots_of(spans, landing.release, self.calendar, self.done, emergency=self.emergency)

    def trouble(self, day: date, *, safe: bool = False) -> str:
        """Why a release cannot land on `day`; empty when it can. `safe` uses the upper bounds of every phase."""
        landing = self.landing(day)
        if landing is None:
            window = " in a preferred window and" if self.calendar.windows else ""
            return self.calendar.why_closed(day) or f"no rollout that starts{window} on an open day ends on {day}"
        if self._freezes_execution(landing):
            return f"the execution phase before {day} would include a freeze"
        if self.decided is None:
            return ""
        if landing.begins.date() < self.decided:
            return f"the rollout would have to start on {landing.begins.date()}, and today is {self.decided}"
        open_slots = [slot for slot in self.slots(landing) if not slot.done]
        if open_slots:
            start = open_slots[0].start if safe else open_slots[0].latest_start
            if start < self.decided:
                return f"its {open_slots[0].span.id} would have to start on {start}, and today is {self.decided}"
        return ""

    def _freezes_execution(self, landing: Landing) -> bool:
        if not self.calendar.freezes or not self.spans:
            return False
        start = self.slots(landing)[-1].start
        return any(self.calendar.is_frozen(day, self.emergency) for day in days(start, landing.release))

    def latest(self, wanted: date) -> Landing | None:
        """The landing on `wanted`, or on the nearest day before it that works by the calendar alone."""
        blind = replace(self, decided=None)
        for back in range(HORIZON):
            day = wanted - ONE_DAY * back
            if not blind.trouble(day):
                return self.landing(day)
        return None

    def nearest(self, first: date, *, safe: bool = False) -> date | None:
        """The first day from `first` on that works, within two years."""
        for ahead in range(2 * HORIZON):
            day = first + ONE_DAY * ahead
            if not self.trouble(day, safe=safe):
                return day
        return None


def land(search: Search, wanted: date) -> tuple[Landing, tuple[str, ...]]:
    """The landing for a wanted day, moved earlier where the day is closed (C14), and the notes that say so.

    Raises PlanRefused when neither that day nor one shortly before it works, with the nearest days that do.
    """
    landing = search.latest(wanted)
    if landing is None or (trouble := search.trouble(landing.release)):
        raise PlanRefused(_refusal(search, wanted, trouble if landing else search.trouble(wanted)))
    if landing.release == wanted:
        return landing, ()
    why = search.calendar.why_closed(wanted) or replace(search, decided=None).trouble(wanted)
    return landing, (f"{why}: the release {MOVED} to {landing.release}",)


def _refusal(search: Search, wanted: date, trouble: str) -> str:
    ways = list(dict.fromkeys(_relaxations(search, wanted)))
    found = "; ".join(ways) if ways else "nothing found within two years: open a day in the calendar"
    return f"a release on {wanted} is not possible: {trouble}. Changes that would help, smallest first: {found}"


def _relaxations(search: Search, wanted: date) -> Iterator[str]:
    """Single changes that free the plan, the smallest first."""
    for freeze in search.calendar.freezes:
        others = tuple(other for other in search.calendar.freezes if other is not freeze)
        if _works(replace(search, calendar=replace(search.calendar, freezes=others)), wanted):
            yield f"lift the freeze {freeze.name!r}"
    if search.calendar.windows and _works(replace(search, calendar=replace(search.calendar, windows=())), wanted):
        yield "start outside the preferred windows"
    done = set(search.done)
    for span in search.spans[:-1]:
        done.add(span.id)
        if done != search.done and _works(replace(search, done=frozenset(done)), wanted):
            yield f"name the completed phases: --done {','.join(s.id for s in search.spans if s.id in done)}"
            break
    first = max(wanted, search.decided) if search.decided else wanted
    if soonest := search.nearest(first):
        path = " (the shortest path)" if search.spans and search.decided else ""
        yield f"--date {soonest}{path}"
    if search.spans and search.decided and (safe := search.nearest(first, safe=True)):
        yield f"--date {safe} (safe: every phase takes its longest time)"


def _works(search: Search, wanted: date) -> bool:
    landing = search.latest(wanted)
    return landing is not None and not search.trouble(landing.release)


def lateness(search: Search, slots: tuple[Slot, ...]) -> tuple[str, ...]:
    """A note when the safe schedule's start has passed but the shortest path's has not."""
    waiting = [slot for slot in slots if not slot.done]
    if not waiting or search.decided is None or waiting[0].start >= search.decided:
        return ()
    left = search.calendar.open_days_between(search.decided, waiting[0].latest_start) - 1
    return (f"the latest safe start was {waiting[0].start}: {left} open days of slack remain",)
