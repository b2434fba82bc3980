"""What holds for every combination of answers, every date from 2024 to 2032, every zone and calendar."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilotage import Acceptance, Answers, Calendar, Freeze, Plan, Service, Window, make_plan
from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.plan import StepKind
from pilotage.plan.conflicts import NAMES
from pilotage.plan.making import PlanRefused

from ...effort import examples

ALL = list(itertools.product(ReleaseType, DeploymentStrategy, TeamSize, ReleaseFrequency, RiskTolerance, Stakeholder))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")


def made_for(combination: tuple[str, ...]) -> Plan:
    return make_plan(Answers(*combination), version="2.4.0", service=Service(instances=4))


def test_r1_r8_c21_every_combination_has_a_complete_plan_or_a_named_conflict() -> None:
    assert len(ALL) == 6400
    hashes = set()
    for combination in ALL:
        made = made_for(combination)
        hashes.add(made.hash)
        assert complete(made)
        assert all(conflict.name in NAMES and conflict.relaxation for conflict in made.conflicts)
        assert rises_to_everyone(made)
        assert each_item_is_a_task_once(made)
        assert all(step.undo and step.timeout > 0 for step in made.steps)
    assert len(hashes) == len(ALL)


def complete(made: Plan) -> bool:
    parts = (made.readiness, made.steps, made.settings, made.alerts, made.communication, made.rollback.steps)
    scheduled = made.answers.release_frequency is not ReleaseFrequency.CONTINUOUS
    timeline = made.timeline.phases if scheduled else made.timeline.stages
    return all(parts) and bool(timeline) and len(made.health) == 8 and len(made.retrospective.agenda) == 7


def rises_to_everyone(made: Plan) -> bool:
    weights = [step.weight for step in made.steps]
    return weights == sorted(weights) and weights[-1] == 1000 and made.steps[-1].instances == made.instances


def each_item_is_a_task_once(made: Plan) -> bool:
    """C21."""
    places = made.timeline.phases or made.timeline.stages
    tasks = {place.id: place.tasks for place in places}
    once = sorted(itertools.chain(*tasks.values())) == sorted(item.id for item in made.readiness)
    return once and all(item.id in tasks[item.phase] for item in made.readiness)


def test_every_number_of_a_step_leads_to_a_setting_of_the_plan() -> None:
    for strategy, tolerance in itertools.product(DeploymentStrategy, RiskTolerance):
        made = make_plan(Answers("minor", strategy, "small", "weekly", tolerance, "enterprise"), version="1")
        for step in made.steps:
            assert all(made.setting(derived.setting) for derived in step.derived)
            assert not step.duration or any(derived.field == "duration" for derived in step.derived)
            assert any(derived.field in ("timeout", "duration") for derived in step.derived)
        assert all(made.setting(alert.limit_from) for alert in made.alerts)
        assert all(made.setting(health.limit) for health in made.health)


_PROGRAM = """
import hashlib, itertools
from pilotage import Answers, Service, make_plan
from pilotage.model.answers import *
every = itertools.product(ReleaseType, DeploymentStrategy, TeamSize, ReleaseFrequency, RiskTolerance, Stakeholder)
every = itertools.islice(every, 0, None, 13)
plans = (make_plan(Answers(*c), version="1", service=Service(instances=4)) for c in every)
print(hashlib.sha256("".join(plan.hash for plan in plans).encode()).hexdigest())
"""


def test_r2_the_hashes_are_the_same_in_another_process() -> None:
    """In another place of the world, with another seed of Python's own hashes; `test_golden` has those of all plans."""
    environment = {**os.environ, "PYTHONHASHSEED": "977", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    there = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, env=environment
    )
    here = (make_plan(Answers(*each), version="1", service=Service(instances=4)).hash for each in ALL[::13])
    assert there.stdout.strip() == hashlib.sha256("".join(here).encode()).hexdigest()


# ── With dates and calendars ───────────────────────────────────────────────────────────────────────────────────

days = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@st.composite
def freezes(draw: st.DrawFn) -> tuple[Freeze, ...]:
    found = []
    for index in range(draw(st.integers(0, 4))):
        first = draw(days)
        zone = draw(st.sampled_from(ZONES))
        found.append(Freeze.of_days(f"freeze {index}", first, first + timedelta(days=draw(st.integers(0, 20))), zone))
    return tuple(found)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    weekdays = draw(st.frozensets(st.integers(0, 4), max_size=5))
    return (Window(weekdays, time(draw(st.integers(0, 11))), time(draw(st.integers(12, 23)))),) if weekdays else ()


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True))
    holidays = draw(st.dictionaries(days, st.just("a holiday"), max_size=20))
    return Calendar(zones[0], tuple(zones), holidays, draw(freezes()), draw(windows()))


answers = st.builds(
    Answers,
    st.sampled_from(ReleaseType),
    st.sampled_from(DeploymentStrategy),
    st.sampled_from(TeamSize),
    st.sampled_from(ReleaseFrequency),
    st.sampled_from(RiskTolerance),
    st.lists(st.sampled_from(Stakeholder), min_size=1, unique=True),
)


def dated(given_answers: Answers, day: date, calendar: Calendar, **more: Any) -> Plan | None:
    try:
        return make_plan(
            given_answers, version="1", release_date=day, calendar=calendar, service=Service(instances=3), **more
        )
    except PlanRefused:
        return None


def stretch(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


several = settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@several
@given(answers, days, calendars())
def test_r9_r11_phases_follow_one_another_on_open_days_and_end_on_the_release(
    given_answers: Answers, day: date, calendar: Calendar
) -> None:
    made = dated(given_answers, day, calendar)
    if made is None:
        return
    emergency = given_answers.release_type is ReleaseType.HOTFIX
    assert made.release_date is not None
    assert made.release_date <= day
    release = made.release_date

    def counts(day: date) -> bool:
        return calendar.counts(day, emergency) or (day == release and calendar.takes_rollouts(day, emergency))

    assert counts(release)
    phases = made.timeline.phases
    for phase in phases:
        assert phase.start and phase.end and phase.latest_start and phase.latest_end  # noqa: PT018
        for start, end, length in (
            (phase.start, phase.end, phase.longest),
            (phase.latest_start, phase.latest_end, phase.shortest),
        ):
            assert counts(start)
            assert counts(end)
            assert sum(counts(d) for d in stretch(start, end)) == length
        assert phase.start <= phase.latest_start
        assert all(m.due and phase.start <= m.due <= phase.end for m in phase.milestones)
        assert [m.due for m in phase.milestones] == sorted(m.due for m in phase.milestones if m.due)
    for earlier, next_one in itertools.pairwise(phases):
        assert earlier.end and next_one.start and earlier.latest_end and next_one.latest_start  # noqa: PT018
        assert earlier.end < next_one.start
        assert earlier.latest_end < next_one.latest_start
        assert not any(counts(d) for d in stretch(earlier.end + timedelta(1), next_one.start - timedelta(1)))
    if phases:
        assert phases[-1].end == phases[-1].latest_end == made.release_date
        assert phases[0].start == made.timeline.latest_safe_start
        assert made.timeline.slack is not None
        assert made.timeline.slack >= 0


@several
@given(answers, days, calendars())
def test_r11_no_execution_and_no_rollout_touches_a_freeze(
    given_answers: Answers, day: date, calendar: Calendar
) -> None:
    made = dated(given_answers, day, calendar)
    if made is None:
        return
    assert made.release_date is not None
    first = made.on_call[0].begins.date()
    if made.timeline.phases:
        start = made.timeline.phases[-1].start
        assert start is not None
        assert start <= first
        first = start
    emergency = given_answers.release_type is ReleaseType.HOTFIX
    assert not any(calendar.is_frozen(d, emergency) for d in stretch(first, made.release_date))
    assert not calendar.freeze_at(made.on_call[0].begins)


@several
@given(answers, days, calendars())
def test_r11_the_rollout_begins_in_a_window_and_everyone_has_it_on_the_day(
    given_answers: Answers, day: date, calendar: Calendar
) -> None:
    made = dated(given_answers, day, calendar)
    if made is None:
        return
    begins = made.on_call[0].begins
    if calendar.windows:
        assert begins.weekday() in calendar.windows[0].days
        thawed = any(freeze.ends == begins for freeze in calendar.freezes)
        assert begins.time() == calendar.windows[0].opens or thawed or clocks_change(begins)
    lasts = sum(step.duration for step in made.steps[: everyone(made)])
    exposed = begins.timestamp() + lasts
    assert datetime.fromtimestamp(exposed, begins.tzinfo).date() <= made.release_date  # type: ignore[operator]


def everyone(made: Plan) -> int:
    ends = (StepKind.BAKE, StepKind.KEEP)
    return next(index for index, step in enumerate(made.steps) if step.weight == 1000 and step.kind in ends)


def clocks_change(moment: datetime) -> bool:
    return (moment - timedelta(hours=3)).utcoffset() != (moment + timedelta(hours=3)).utcoffset()


@several
@given(answers, days, calendars())
def test_r11_the_shifts_of_a_wave_cover_it_without_gap_or_overlap(
    given_answers: Answers, day: date, calendar: Calendar
) -> None:
    made = dated(given_answers, day, calendar)
    for wave in made.on_call if made else ():
        assert wave.shifts[0].begins == wave.begins
        assert wave.shifts[-1].ends == wave.ends
        assert all(a.ends == b.begins for a, b in itertools.pairwise(wave.shifts))
        for shift in wave.shifts:
            working = (
                calendar.is_working(shift.begins.date()) and calendar.opens <= shift.begins.time() < calendar.closes
            )
            assert shift.outside != working or clocks_change(shift.begins) or shift.begins == shift.ends


@several
@given(answers, days, calendars(), st.integers(0, 400))
def test_c14_c11_with_a_decision_day_nothing_begins_before_it(
    given_answers: Answers, day: date, calendar: Calendar, ahead: int
) -> None:
    today = day - timedelta(days=ahead)
    made = dated(given_answers, day, calendar, today=today)
    if made is None:
        return
    assert made.on_call[0].begins.date() >= today
    assert made.timeline.latest_start is None or made.timeline.latest_start >= today
    # A lead that cannot be kept is replaced; what is replaced has a waiver.
    for message in made.communication:
        assert message.due is None or message.due >= today
        assert message.catch_up is None or message.catch_up.waiver
    assert made.to_json() == Plan.from_dict(json.loads(made.to_json())).to_json()


@several
@given(answers, days, calendars())
def test_a_refused_date_names_days_that_do_work(given_answers: Answers, day: date, calendar: Calendar) -> None:
    try:
        make_plan(given_answers, version="1", release_date=day, today=day, calendar=calendar)
    except PlanRefused as refusal:
        for proposed in re.findall(r"--date (\S{10})", str(refusal)):
            again = date.fromisoformat(proposed)
            moved = make_plan(given_answers, version="1", release_date=again, today=day, calendar=calendar)
            assert moved.release_date == again
        for names in re.findall(r"--done (\w[\w,]*)", str(refusal)):
            done = names.split(",")
            assert make_plan(given_answers, version="1", release_date=day, today=day, calendar=calendar, done=done)


@given(answers, st.data())
def test_r8_an_accepted_conflict_no_longer_stops_the_plan_and_is_recorded(
    given_answers: Answers, data: st.DataObject
) -> None:
    made = make_plan(given_answers, version="1")
    names = [conflict.name for conflict in made.conflicts]
    chosen = data.draw(st.sets(st.sampled_from(names))) if names else set()
    accepted = make_plan(given_answers, version="1", accept={name: Acceptance("we know", "ada") for name in chosen})
    stopping = {conflict.name for conflict in made.stopped_by}
    assert {conflict.name for conflict in accepted.stopped_by} == stopping - chosen
    assert (accepted.hash != made.hash) == bool(chosen)
