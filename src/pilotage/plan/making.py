"""Makes a plan of six answers (R1, R2): pure, total over the answers, and the same bytes for the same inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from pilotage.model.acceptance import Acceptance
from pilotage.model.answers import Answers, DeploymentStrategy
from pilotage.model.calendar import Calendar
from pilotage.model.capabilities import Capabilities
from pilotage.model.impact import Facts
from pilotage.model.plan import FORMAT, Plan, Rollback, Step, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.risk import Assessment
from pilotage.model.schedule import Conflict, Message, OnCall, Requirement, Stage, Timeline
from pilotage.model.step_ids import OWN_CHECKS
from pilotage.model.wave import Tenancy
from pilotage.model.wording import counted
from pilotage.plan.attendance import on_call_of
from pilotage.plan.communication import OF_EVERY_WAVE, Times, messages_of, words_of
from pilotage.plan.conflicts import accepted, conflicts_of, conflicts_with
from pilotage.plan.dates import PlanRefused
from pilotage.plan.first_deployment import rollback_of_first
from pilotage.plan.frame import Frame, Service, frame_of, not_a_version
from pilotage.plan.kinds import begun, facts_of, late, out_of_scope
from pilotage.plan.monitoring import alert_notes, alerts_of, health_of
from pilotage.plan.phases import Span, phases_of, trains_of
from pilotage.plan.ramp import Traffic
from pilotage.plan.readiness import left_out, requirements_of
from pilotage.plan.retrospective import retrospective_of
from pilotage.plan.rollback import rollback_of
from pilotage.plan.stages import AFTERWARDS, ON_FAILURE, STAGE_IDS, stages_of, stages_of_way
from pilotage.plan.strategies import undoing_of
from pilotage.plan.strategies.canary_waves import of_waves
from pilotage.plan.target import costs, unmet
from pilotage.plan.tenant_waves import conflicts_of_waves, notes_of, waves_of

__all__ = ["Acceptance", "PlanRefused", "Service", "Traffic", "make_plan"]


def make_plan(
    answers: Answers,
    *,
    version: str,
    release_date: date | None = None,
    today: date | None = None,
    done: Iterable[str] = (),
    service: Service | None = None,
    calendar: Calendar | None = None,
    accept: Mapping[str, Acceptance] | None = None,
    risk: Assessment | None = None,
    target: Capabilities | None = None,
) -> Plan:
    """The plan for releasing `version`.

    Weights are per mille of users, durations seconds, phases open days. release_date: everyone has it on that day;
    without one the plan has no days · today: the day of the decision, so that what has passed is noticed · done: phases
    that need no time any more · accept: conflicts by name that someone continues with · risk: of the change · target:
    what the adapters of the environment can do; None for a target that can do everything.

    Raises PlanRefused for what cannot be planned, with the smallest change that frees it, and BadOverride for an
    override that names no number or a wrong one; both are ValueErrors.
    """
    if wrong := not_a_version(version):
        raise PlanRefused(f"version: {wrong}. Name the version to release, such as 2.4.0")
    frame = frame_of(answers, version, service or Service(), calendar or Calendar(), release_date, today, done, risk)
    if target is not None:
        _refuse_unmet(frame, target)
    return _plan_of(frame, risk, accept or {}, costs(target) if target is not None else ())


def _plan_of(frame: Frame, risk: Assessment | None, accept: Mapping[str, Acceptance], paid: tuple[str, ...]) -> Plan:
    answers, wanted = frame.answers, frame.waves
    timeline, alerts = _timeline(frame), alerts_of(answers.deployment_strategy, frame.numbers)
    rollback = _rollback(frame)
    facts = begun(facts_of(answers, risk), answers, timeline.phases, frame.release, frame.calendar)
    return Plan(
        format=FORMAT,
        service=frame.service.name,
        environment=frame.service.environment,
        version=frame.version,
        answers=answers,
        facts=facts,
        release_date=frame.release,
        zones=tuple(dict.fromkeys((frame.calendar.zone, *frame.calendar.team_zones))),
        instances=frame.service.instances,
        conflicts=accepted(_conflicts(frame, risk), accept),
        readiness=_readiness(frame, timeline),
        risk=risk,
        timeline=timeline,
        settings=tuple(frame.numbers.settings.values()),
        steps=frame.steps,
        rollback=rollback,
        on_call=_on_call(frame),
        health=health_of(frame.service.measured),
        alerts=alerts,
        communication=_messages(frame, format_duration(rollback.timeout)),
        retrospective=retrospective_of(answers, frame.release, frame.calendar),
        notes=(
            *((risk.alarm,) if risk and risk.alarm else ()),
            *frame.notes,
            *paid,
            *(notes_of(wanted, frame.numbers) if wanted else ()),
            *_notes(frame, timeline),
            *_late(frame, facts),
            *alert_notes(alerts, frame.numbers),
        ),
        waves=waves_of(wanted, frame.numbers, frame.starts) if wanted else (),
        tenancy=Tenancy(header=wanted.header, undo=wanted.undo) if wanted else None,
        first=frame.service.first,
    )


def _rollback(frame: Frame) -> Rollback:
    strategy, numbers, wanted = frame.answers.deployment_strategy, frame.numbers, frame.waves
    undoing = undoing_of(strategy, numbers, frame.service.instances)
    if frame.service.first:
        return rollback_of_first(strategy, undoing, numbers)
    return rollback_of(
        undoing if wanted is None else of_waves(undoing, wanted),
        numbers,
        frame.service.measured,
        minds_alerts=frame.service.minds_alerts,
    )


def _refuse_unmet(frame: Frame, target: Capabilities) -> None:
    """Raises PlanRefused with everything that the steps need and the target cannot do; already before the first
    deployment, for the releases that follow."""
    service = frame.service
    if needs := list(unmet(frame.replacing, frame.numbers, service.instances, target, service.segments, service.waves)):
        raise PlanRefused("the environment cannot execute this plan. " + ". ".join(needs))


def _conflicts(frame: Frame, risk: Assessment | None) -> tuple[Conflict, ...]:
    return (
        *conflicts_of(
            frame.answers, frame.steps, frame.numbers, frame.service.instances, frame.usual, frame.service.downtime
        ),
        *(conflicts_of_waves(frame.waves) if frame.waves else ()),
        *conflicts_with(risk, frame.answers, frame.numbers),
        *out_of_scope(risk, frame.answers),
    )


def _timeline(frame: Frame) -> Timeline:
    waiting = [slot for slot in frame.slots if not slot.done]
    safe, latest = (waiting[0].start, waiting[0].latest_start) if waiting else (None, None)
    slack = frame.calendar.open_days_between(safe, latest, emergency=frame.emergency) - 1 if safe and latest else None
    tasks = {place: tuple(item.id for item in items) for place, items in frame.places.items()}
    return Timeline(
        phases=phases_of(frame.spans, frame.slots, tasks, frame.calendar, frame.finished),
        stages=() if frame.spans else _stages(frame, tasks),
        afterwards=AFTERWARDS,
        on_failure=ON_FAILURE,
        latest_safe_start=safe,
        latest_start=latest,
        slack=slack,
        trains=trains_of(frame.answers.release_frequency, frame.spans),
        flag_removal=_flag_removal(frame),
    )


def _stages(frame: Frame, tasks: Mapping[str, tuple[str, ...]]) -> tuple[Stage, ...]:
    """Those of the configured way, or R10's."""
    if not frame.service.way:
        return stages_of(frame.answers, frame.steps, tasks)
    return stages_of_way(frame.answers, frame.steps, tasks, frame.service.way, frame.service.environment)


def _flag_removal(frame: Frame) -> date | None:
    toggles = frame.answers.deployment_strategy is DeploymentStrategy.FEATURE_TOGGLE
    if frame.release is None or not toggles or not frame.service.flag.expires:
        return None
    after = frame.release + timedelta(seconds=frame.numbers.value("feature_toggle.flag_removal_delay"))
    return frame.calendar.working_day_before(after, 0)


def _readiness(frame: Frame, timeline: Timeline) -> tuple[Requirement, ...]:
    """Items of a phase are due on its last day; of a pipeline and of the rollout, on the day the rollout starts."""
    due = {phase.id: phase.end for phase in timeline.phases if phase.end is not None}
    if frame.landing is not None:
        last = list(STAGE_IDS) if timeline.stages else [timeline.phases[-1].id]
        due |= dict.fromkeys(last, frame.landing.begins.date())
    return requirements_of(frame.places, due, left_out(frame.service.not_for_us, frame.impact))


def _on_call(frame: Frame) -> tuple[OnCall, ...]:
    if frame.landing is None:
        return ()
    auto = bool(frame.numbers.value("rollback_auto"))
    answer = frame.numbers.shown("hold.decision_timeout")
    begins = frame.landing.begins
    return on_call_of(frame.steps, begins, frame.calendar, auto=auto, answer=answer, starts=frame.starts)


def _messages(frame: Frame, undo: str) -> tuple[Message, ...]:
    landing, big_bang = frame.landing, frame.answers.deployment_strategy is DeploymentStrategy.BIG_BANG
    window = frame.numbers.shown("big_bang.maintenance_window") if big_bang else ""
    first = frame.service.first
    words = words_of(frame.answers, frame.service.name, frame.version, frame.release, undo, window, first=first)
    begins, exposed = (landing.begins, landing.exposed) if landing else (None, None)
    times = Times(frame.release, begins, exposed, frame.today if landing else None)
    every = messages_of(frame.answers, words, frame.calendar, times, first=first)
    # Each wave has a start and an end of its own, told to its tenants as they come.
    return tuple(one for one in every if not (frame.waves and one.id in OF_EVERY_WAVE))


def _notes(frame: Frame, timeline: Timeline) -> tuple[str, ...]:
    return (
        *_exempt(frame),
        *_unchecked(frame),
        *_warm(frame),
        *_band(timeline),
        # Without a date nobody asked for a schedule; its problems are in its own section.
        *(_outlasts(frame.usual, frame.spans) if frame.landing else ()),
        *(timeline.trains.overlap if frame.landing and timeline.trains else ()),
    )


def _late(frame: Frame, facts: Facts) -> Iterable[str]:
    return () if frame.spans else late(facts, frame.answers, frame.today)


def _exempt(frame: Frame) -> tuple[str, ...]:
    mine = {item.id for items in frame.places.values() for item in items}
    exempt = [(i, reason) for i, reason in left_out(frame.service.not_for_us, frame.impact).items() if i in mine]
    return tuple(f"readiness does not require {item}: {reason}" for item, reason in exempt)


def _unchecked(frame: Frame) -> tuple[str, ...]:
    """Steps that look like checks and check nothing, because nobody was named to ask."""
    configured = frame.service.checks
    if configured is None:
        return ()
    empty = [s for s in frame.steps if s.kind is StepKind.CHECK and s.id not in OWN_CHECKS and s.id not in configured]
    required, skipped = ([step for step in empty if step.required is wanted] for wanted in (True, False))
    return (
        *_listed("nobody is asked, so `deploy` refuses until you configure it under `checks`, or waive it", required),
        *_listed("skipped, with a warning, unless you configure it under `checks`", skipped),
    )


def _warm(frame: Frame) -> tuple[str, ...]:
    """What it costs that a rollback starts nothing."""
    path, full = "rollback.keep_warm", frame.service.instances
    if frame.service.first or path not in frame.numbers.settings or not frame.numbers.value(path):
        return ()
    window = frame.numbers.shown("rollback.window")
    return (
        f"both versions run for {window} after the release, with {counted(full, 'instance')} each: twice the "
        f"memory ({path}: false stops the old one at once)",
    )


def _listed(what: str, steps: list[Step]) -> tuple[str, ...]:
    return (f"{what}: {', '.join(f'{step.title} ({step.id})' for step in steps)}",) if steps else ()


def _band(timeline: Timeline) -> tuple[str, ...]:
    """The steps rule; a band they leave is shown (C8)."""
    return tuple(
        f"{stage.title}: this plan's steps take {format_duration(stage.estimate)}, "
        f"more than the usual {format_duration(stage.shortest)}–{format_duration(stage.longest)}"
        for stage in timeline.stages
        if stage.estimate is not None and stage.estimate > stage.longest
    )


def _outlasts(spans: tuple[Span, ...], lasting: tuple[Span, ...]) -> tuple[str, ...]:
    if not spans or lasting[-1].longest <= spans[-1].longest:
        return ()
    usual, takes = spans[-1].longest, lasting[-1].longest
    return (f"the execution phase takes {counted(takes, 'day')} instead of {usual}, because this plan's steps do",)
