"""Release trains: when they depart, until when changes board, and which of them are being prepared (C13, C14).

A rule names days. A train whose day is closed departs earlier, on the nearest open day since the day of the train
before it; where there is none, it does not run. So a train never passes another one, and each is the same wherever a
list of them begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from pilotage.model.answers import ReleaseFrequency
from pilotage.model.calendar import HORIZON, ONE_DAY, WEEKDAYS, Calendar, at, later
from pilotage.plan.phases import Slot, Span, slots_of
from pilotage.plan.working_time import before

_BEST = (1, 2, 3, 0, 4, 5, 6)
"""Weekdays for a departure, the best first: work days follow a Tuesday, and something can be prepared before it."""

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """rrule: which days (RFC 5545) · clock: at which time, in the zone of the calendar · words: both for people."""

    rrule: str
    clock: time
    words: str


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Working time before the departure, in seconds as people write them (`1d` is one working day): cutoff: when
    changes stop to board · late: when those that may board late stop, too."""

    cutoff: float
    late: float


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A train. day: as the rule names it, which stays its name when it moves · departs: the rollout's first move ·
    moved: why it departs earlier than its rule says; empty where it does not."""

    day: date
    departs: datetime
    cutoff: datetime
    late_until: datetime
    moved: str = ""


@dataclass(frozen=True, kw_only=True)
class NoTrain:
    """A day of the rule without a train. why: in a sentence."""

    day: date
    why: str


Timetable = tuple[Departure | NoTrain, ...]


# ── the rule ───────────────────────────────────────────────────────────────────────────────────────────────


def usual_rule(frequency: ReleaseFrequency, calendar: Calendar, weekday: int | None = None) -> Rule | None:
    """The rule of a frequency: each week, the second such weekday of a month, or that of a quarter's middle month. None
    for a continuous one. weekday: 0 is Monday; left out, the best one with a preferred window, or no day off."""
    chosen = _best(calendar) if weekday is None else weekday
    name, day, clock = _NAMES[chosen], WEEKDAYS[chosen][:2].upper(), _opens(calendar, chosen)
    match frequency:
        case ReleaseFrequency.WEEKLY:
            return Rule(rrule=f"FREQ=WEEKLY;BYDAY={day}", clock=clock, words=f"every {name}")
        case ReleaseFrequency.MONTHLY:
            return Rule(rrule=f"FREQ=MONTHLY;BYDAY=2{day}", clock=clock, words=f"the second {name} of each month")
        case ReleaseFrequency.QUARTERLY:
            months = "February, May, August and November"
            return Rule(
                rrule=f"FREQ=YEARLY;BYMONTH=2,5,8,11;BYDAY=2{day}", clock=clock, words=f"the second {name} of {months}"
            )
        case ReleaseFrequency.CONTINUOUS:
            return None


def usual_clock(calendar: Calendar) -> time:
    """When a train departs whose rule names no time."""
    return min((window.opens for window in calendar.windows), default=calendar.opens)


def _best(calendar: Calendar) -> int:
    preferred = {day for window in calendar.windows for day in window.days}
    return next((day for day in _BEST if (day in preferred if preferred else day not in calendar.weekend)), _BEST[0])


def _opens(calendar: Calendar, weekday: int) -> time:
    return min((one.opens for one in calendar.windows if weekday in one.days), default=usual_clock(calendar))


# ── the timetable ──────────────────────────────────────────────────────────────────────────────────────────


def timetable(moments: Iterable[datetime], calendar: Calendar, terms: Terms) -> Timetable:
    """The trains of a rule, in order.

    moments: of the rule, by the clock of the calendar's zone, without a zone, each on a later day. The first one may
    move back as far as it must, since nothing says which train is before it.
    """
    found: list[Departure | NoTrain] = []
    previous: date | None = None
    for moment in moments:
        found.append(_train(moment, previous, calendar, terms))
        previous = moment.date()
    return tuple(found)


def _train(moment: datetime, previous: date | None, calendar: Calendar, terms: Terms) -> Departure | NoTrain:
    day, clock = moment.date(), moment.time()
    last = previous or day - ONE_DAY * HORIZON
    departs, look = None, day
    while departs is None and look > last:
        departs = _on(look, clock, calendar, wanted=look == day)
        look -= ONE_DAY
    if departs is None:
        since = f"since {last}" if previous else "in the year before it"
        return NoTrain(day=day, why=f"{_closed(moment, calendar)}, and no day {since} is open: this train does not run")
    as_said = departs == at(day, clock, calendar.zone)
    earlier = f"{_closed(moment, calendar)}: the train departs earlier, on {departs:%Y-%m-%d} at {departs:%H:%M}"
    cutoff = before(calendar, departs, terms.cutoff)
    return Departure(
        day=day, departs=departs, cutoff=cutoff, late_until=max(cutoff, before(calendar, departs, terms.late)),
        moved="" if as_said else earlier,
    )  # fmt: skip


def _on(day: date, clock: time, calendar: Calendar, *, wanted: bool) -> datetime | None:
    """When a train departs on `day`: at its time, or at the last other time at which a rollout may start. wanted: it is
    the train's own day, on which only an earlier time will do."""
    if not calendar.takes_rollouts(day, emergency=False):
        return None
    usual = at(day, clock, calendar.zone)
    if calendar.freeze_at(usual) is None and _in_window(usual, day, calendar):
        return usual
    others = (moment for moment, _ in calendar.starts_on(day))
    return max((moment for moment in others if moment.date() == day and not (wanted and moment > usual)), default=None)


def _in_window(moment: datetime, day: date, calendar: Calendar) -> bool:
    """Without preferred windows any time will do: a night's train may be one's habit."""
    openings = (window.on(day, calendar.zone) for window in calendar.windows if day.weekday() in window.days)
    return not calendar.windows or any(opening.begins <= moment < opening.ends for opening in openings)


def _closed(moment: datetime, calendar: Calendar) -> str:
    """Why a train cannot depart at that time of its rule."""
    day, usual = moment.date(), at(moment.date(), moment.time(), calendar.zone)
    if why := calendar.why_closed(day):
        return why
    if freeze := calendar.freeze_at(usual):
        return f"{day} {moment:%H:%M} is in the freeze ({freeze.name})"
    return f"{day} {moment:%H:%M} is outside the preferred windows"


def departures(trains: Timetable) -> tuple[Departure, ...]:
    """Those that run."""
    return tuple(train for train in trains if isinstance(train, Departure))


def upcoming(trains: Timetable, now: datetime) -> tuple[Departure, ...]:
    """Those that have not departed."""
    return tuple(train for train in departures(trains) if train.departs > now)


# ── what is under way ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class InFlight:
    """A train that people work on. phase: by the safe schedule, whose last day is `until`."""

    train: Departure
    begins: date
    phase: str
    until: date


def in_flight(
    trains: Sequence[Departure], spans: tuple[Span, ...], calendar: Calendar, today: date
) -> Iterator[InFlight]:
    """The trains whose phases have begun and that have not departed, the next one first. spans: of the releases that
    they carry; none for continuous ones, which have no trains."""
    for train in trains:
        if not spans or train.departs.date() < today:
            continue
        slots = slots_of(spans, train.departs.date(), calendar, frozenset(), emergency=False)
        if slots[0].start > today:
            return
        now = _phase_on(slots, today)
        yield InFlight(train=train, begins=slots[0].start, phase=now.span.id, until=now.end)


def _phase_on(slots: Sequence[Slot], day: date) -> Slot:
    """Between two phases lie days off, which belong to the one that follows."""
    return next((slot for slot in slots if day <= slot.end), slots[-1])


# ── a release and its train ────────────────────────────────────────────────────────────────────────────────


def arrival(train: Departure, lead: float, calendar: Calendar) -> date:
    """The release date of what goes with a train: everyone has it. lead: seconds from the first move to that."""
    day = later(train.departs, lead).date()
    while not calendar.takes_rollouts(day, emergency=False):
        day += ONE_DAY
    return day


def train_of(begins: datetime, release: date, lead: float, trains: Timetable, calendar: Calendar) -> Departure | None:
    """The train of a release: its rollout starts on the train's day, or ends when one that starts then does."""
    return next(
        (
            train for train in departures(trains)
            if begins.date() == train.departs.date() or release == arrival(train, lead, calendar)
        ),
        None,
    )  # fmt: skip


def off_train(name: str, begins: datetime, release: date, lead: float, trains: Timetable, calendar: Calendar) -> str:
    """A note for a release that starts on a day without a train; empty where it goes with one, or none is known."""
    known = departures(trains)
    if not known or train_of(begins, release, lead, trains, calendar) is not None:
        return ""
    near = [
        *[train for train in known if train.departs <= begins][-1:],
        *[train for train in known if train.departs > begins][:1],
    ]
    shown = " or ".join(f"--date {arrival(train, lead, calendar)} (departs {train.departs:%Y-%m-%d})" for train in near)
    return f"{OFF_TRAIN}: the rollout starts on {begins.date()}, when no {name} departs. To go with one: {shown}"


OFF_TRAIN = "not-on-a-train"
"""The name of that note."""
