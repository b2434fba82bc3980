"""The release train of a project: its rule, its timetable, the trains that people work on, and a plan off the train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pilotage.app.project import Project
from pilotage.model.answers import ReleaseFrequency, ReleaseType
from pilotage.model.calendar import WEEKDAYS, Calendar
from pilotage.model.clock import today as today_by
from pilotage.model.errors import Invalid
from pilotage.model.schedule import After, Role
from pilotage.plan import trains
from pilotage.plan.phases import spans_of
from pilotage.plan.stages import until_everyone
from pilotage.plan.trains import Departure as Departure
from pilotage.plan.trains import InFlight, Rule, Terms, Timetable
from pilotage.plan.trains import NoTrain as NoTrain
from pilotage.plan.working_time import between, in_words
from pilotage.render.trains import Line

if TYPE_CHECKING:
    from pilotage.config.loading import Loaded
    from pilotage.config.train import TrainSection
    from pilotage.model.plan import Plan


_BACK, _AHEAD = timedelta(days=400), timedelta(days=2 * 366)
"""How far around a day departures are worked out: the calendar knows holidays for longer."""


class NoTrains(Invalid):
    """Continuous releases have no train."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """service: empty for several together · late: roles that may board late · environment: that it goes to; empty where
    that is not known · source: where the rule is from, in words."""

    name: str
    service: str
    rule: Rule
    terms: Terms
    late: tuple[Role, ...]
    environment: str
    source: str
    start: date | None = None

    @property
    def words(self) -> str:
        return f"{self.rule.words} at {self.rule.clock:%H:%M}"

    @property
    def line(self) -> Line:
        return Line(name=self.name, service=self.service, late=self.late)


def train_of(loaded: Loaded, calendar: Calendar) -> Train:
    """Raises NoTrains."""
    from pilotage.config.train import TrainSection

    one = loaded.configuration
    section = one.train or TrainSection.model_validate({})
    rule = _rule(section, one.answers.release_frequency, calendar)
    places = {*one.environments, *(name for each in one.services.values() for name in each.environments)}
    by_rule = section.weekday or section.rrule
    frequency = f"release_frequency: {one.answers.release_frequency}"
    windows = " and the preferred windows" if calendar.windows else ""
    return Train(
        name=section.name, service=one.service, rule=rule, terms=Terms(cutoff=section.cutoff, late=section.late.until),
        late=tuple(section.late.roles),
        environment=section.environment or (places.pop() if len(places) == 1 else ""),
        source=loaded.place("train") if by_rule else f"by {frequency}{windows}",
        start=date.fromisoformat(section.start) if section.start else None,
    )  # fmt: skip


def _rule(section: TrainSection, frequency: ReleaseFrequency, calendar: Calendar) -> Rule:
    clock = time.fromisoformat(section.time) if section.time else None
    if section.rrule:
        return Rule(rrule=section.rrule, clock=clock or trains.usual_clock(calendar), words=section.rrule)
    usual = trains.usual_rule(frequency, calendar, WEEKDAYS.index(section.weekday) if section.weekday else None)
    if usual is None:
        raise NoTrains("continuous releases wait for no train: each goes when its pipeline is through")
    return replace(usual, clock=clock or usual.clock)


def timetable_around(loaded: Loaded, calendar: Calendar, train: Train, day: date) -> Timetable:
    """The trains from a year before the day to two years after it."""
    from pilotage.config.recurrence import recurrences

    start = datetime.combine(train.start, train.rule.clock) if train.start else None
    zone = loaded.configuration.calendar.timezone
    first, last = (datetime.combine(one, time(0)) for one in (day - _BACK, day + _AHEAD))
    days = dict.fromkeys(moment.date() for moment in recurrences(train.rule.rrule, start, zone, first, last))
    return trains.timetable((datetime.combine(one, train.rule.clock) for one in days), calendar, train.terms)


# ── for a project ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Station:
    """Everything about the trains of a project at one moment. calendar: with the freezes that people declared."""

    train: Train
    calendar: Calendar
    timetable: Timetable
    now: datetime
    in_flight: tuple[InFlight, ...]
    versions: tuple[tuple[date, str], ...]

    @property
    def upcoming(self) -> tuple[Departure, ...]:
        return trains.upcoming(self.timetable, self.now)

    @property
    def next(self) -> Departure | None:
        return next(iter(self.upcoming), None)

    @property
    def boarding(self) -> str:
        """Of the next train: `open`, `late` for those who may still board, or `closed`."""
        if self.next is None or self.now > self.next.late_until:
            return "closed"
        return "open" if self.now < self.next.cutoff else "late"

    @property
    def left_seconds(self) -> float:
        """Working time until boarding of the next train ends; late boarding, after its cut-off."""
        if self.next is None:
            return 0.0
        until = self.next.cutoff if self.boarding == "open" else self.next.late_until
        return between(self.calendar, self.now, until)

    @property
    def left(self) -> str:
        return in_words(self.calendar, self.left_seconds)

    def next_trains(self, count: int) -> tuple[Departure | NoTrain, ...]:
        """The next departures, at most `count`, with the days between them on which none runs."""
        ahead, today = self.upcoming[:count], self.now.astimezone(ZoneInfo(self.calendar.zone)).date()
        if not ahead:
            return ()
        last = ahead[-1].day
        return tuple(one for one in self.timetable if one in ahead or (_is_none(one) and today <= one.day <= last))

    def versions_on(self, departure: Departure) -> tuple[str, ...]:
        """Tracked releases whose rollout is to start with this train."""
        return tuple(version for day, version in self.versions if day == departure.day)


def _is_none(one: Departure | NoTrain) -> bool:
    return isinstance(one, NoTrain)


def station(project: Project) -> Station:
    """Raises NoTrains, ConfigError, Unclear."""
    loaded = project.loaded if project.service or not project.names.several else project.whole
    today, now = today_by(project.clock, loaded.configuration.calendar.timezone), project.moment
    calendar = _with_declared(project, loaded, _calendar(loaded, today))
    train = train_of(loaded, calendar)
    table = timetable_around(loaded, calendar, train, today)
    spans = spans_of(loaded.configuration.answers.to_answers())
    ahead = trains.upcoming(table, now)
    return Station(
        train=train, calendar=calendar, timetable=table, now=now,
        in_flight=tuple(trains.in_flight(ahead, spans, calendar, today)),
        versions=tuple(_tracked(project, loaded, ahead)),
    )  # fmt: skip


def _calendar(loaded: Loaded, around: date) -> Calendar:
    from pilotage.config.calendars import calendar_of

    return calendar_of(loaded, around)


def _with_declared(project: Project, loaded: Loaded, calendar: Calendar) -> Calendar:
    """Freezes that people declared count, where it is known for which environment."""
    place = train_of(loaded, calendar).environment
    if not place or not project.has_store:
        return calendar
    declared = project.store.freezes.of(loaded.configuration.service, place, project.clock.now())
    return replace(calendar, freezes=(*calendar.freezes, *declared))


def _tracked(project: Project, loaded: Loaded, ahead: tuple[Departure, ...]) -> list[tuple[date, str]]:
    """The day of the train, and the version, of each release that people track."""
    from pilotage.engine.records import activities

    if not project.has_store:
        return []
    found = []
    for release in activities.tracked_in(project.store.engine, loaded.configuration.service, None):
        last = release.phases[-1]
        day = next(
            (one.day for one in ahead if last.start <= one.departs.date() <= release.release_date
             or one.departs.date() == release.release_date), None,
        )  # fmt: skip
        if day is not None and not release.completed:
            found.append((day, release.version))
    return found


# ── a plan and its train ───────────────────────────────────────────────────────────────────────────────────


def boards(loaded: Loaded, plan: Plan) -> tuple[Line, Departure] | None:
    """The train that a plan goes with; None where none is configured, and for what goes outside it."""
    if not (found := _of_plan(loaded, plan)):
        return None
    table, calendar, train, begins = found
    assert plan.release_date
    lead = until_everyone(plan.steps)
    departure = trains.train_of(begins, plan.release_date, lead, table, calendar)
    return (train.line, departure) if departure else None


def off_train(loaded: Loaded, plan: Plan) -> tuple[str, ...]:
    """A note on a plan whose rollout starts on a day without a train; none for what goes outside it."""
    if not (found := _of_plan(loaded, plan)):
        return ()
    table, calendar, train, begins = found
    assert plan.release_date
    lead = until_everyone(plan.steps)
    said = trains.off_train(train.name, begins, plan.release_date, lead, table, calendar)
    return (said,) if said else ()


def _of_plan(loaded: Loaded, plan: Plan) -> tuple[Timetable, Calendar, Train, datetime] | None:
    """A hotfix goes outside the train, and a rule that nobody configured binds nobody. The plan depends on the
    configuration and its date alone: freezes that people declare move trains, not plans."""
    answers = plan.answers
    scheduled = answers.release_frequency is not ReleaseFrequency.CONTINUOUS
    outside = answers.release_type is ReleaseType.HOTFIX or not scheduled
    if loaded.configuration.train is None or plan.release_date is None or outside:
        return None
    if (begins := _begins(plan)) is None:
        return None
    calendar = _calendar(loaded, plan.release_date)
    train = train_of(loaded, calendar)
    return timetable_around(loaded, calendar, train, plan.release_date), calendar, train, begins


def _begins(plan: Plan) -> datetime | None:
    """When the rollout starts: as on-call shifts say, or in a first deployment, which has none, the messages."""
    if plan.on_call:
        return plan.on_call[0].begins
    told = (one.due_at for one in plan.communication if one.after is After.START and not one.lead.amount)
    return next((at for at in told if at is not None), None)
