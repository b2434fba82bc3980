"""Makes a plan of six answers (R1, R2): pure, total over the answers, and the same bytes for the same inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from pilotage.model.acceptance import Acceptance
from pilotage.model.answers import Answers, DeploymentStrategy
from pilotage.model.calendar import Calendar
from pilotage.model.capabilities import Capabilities
from pilotage.model.plan import FORMAT, Plan, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.risk import Assessment
from pilotage.model.schedule import Conflict, Message, OnCall, Requirement, Timeline
from pilotage.model.step_ids import OWN_CHECKS
from pilotage.plan.attendance import on_call_of
from pilotage.plan.communication import Times, messages_of, words_of
from pilotage.plan.conflicts import accepted, conflicts_of, conflicts_with
from pilotage.plan.dates import PlanRefused
from pilotage.plan.frame import Frame, Service, frame_of, not_a_version
from pilotage.plan.monitoring import alert_notes, alerts_of, health_of
from pilotage.plan.ramp import Traffic
from pilotage.plan.readiness import requirements_of
from pilotage.plan.retrospective import retrospective_of
from pilotage.plan.rollback import rollback_of
from pilotage.plan.strategies import undoing_of
from pilotage.plan.target import unmet
from pilotage.plan.timeline import (
    AFTERWARDS,
    FACTS,
    ON_FAILURE,
    Span,
    phases_of,
    stages_of,
    trains_of,
)

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
    timeline, alerts = _timeline(frame), alerts_of(answers.deployment_strategy, frame.numbers)
    rollback = rollback_of(
        undoing_of(answers.deployment_strategy, frame.numbers, frame.service.instances), frame.numbers
    )
    return Plan(
        format=FORMAT,
        service=frame.service.name,
        environment=frame.service.environment,
        version=version,
        answers=answers,
        facts=FACTS[answers.release_type],
        release_date=frame.release,
        zones=tuple(dict.fromkeys((frame.calendar.zone, *frame.calendar.team_zones))),
        instances=frame.service.instances,
        conflicts=accepted((*_conflicts(frame), *conflicts_with(risk, answers)), accept or {}),
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
        notes=(*frame.notes, *_notes(frame, timeline), *alert_notes(alerts, frame.numbers)),
    )


def _refuse_unmet(frame: Frame, target: Capabilities) -> None:
    """Raises PlanRefused with everything that the steps need and the target cannot do."""
    if needs := list(unmet(frame.steps, frame.numbers, frame.service.instances, target)):
        raise PlanRefused("the environment cannot execute this plan. " + ". ".join(needs))


def _conflicts(frame: Frame) -> tuple[Conflict, ...]:
    return conflicts_of(
        frame.answers, frame.steps, frame.numbers, frame.service.instances, frame.usual, frame.service.downtime
    )


def _timeline(frame: Frame) -> Timeline:
    waiting = [slot for slot in frame.slots if not slot.done]
    safe, latest = (waiting[0].start, waiting[0].latest_start) if waiting else (None, None)
    slack = frame.calendar.open_days_between(safe, latest, emergency=frame.emergency) - 1 if safe and latest else None
    tasks = {place: tuple(item.id for item in items) for place, items in frame.places.items()}
    return Timeline(
        phases=phases_of(frame.spans, frame.slots, tasks, frame.calendar, frame.finished),
        stages=() if frame.spans else stages_of(frame.answers, frame.steps, tasks),
        afterwards=AFTERWARDS,
        on_failure=ON_FAILURE,
        latest_safe_start=safe,
        latest_start=latest,
        slack=slack,
        trains=trains_of(frame.answers.release_frequency, frame.spans),
        flag_removal=_flag_removal(frame),
    )


def _flag_removal(frame: Frame) -> date | None:
    if frame.release is None or frame.answers.deployment_strategy is not DeploymentStrategy.FEATURE_TOGGLE:
        return None
    after = frame.release + timedelta(seconds=frame.numbers.value("feature_toggle.flag_removal_delay"))
    return frame.calendar.working_day_before(after, 0)


def _readiness(frame: Frame, timeline: Timeline) -> tuple[Requirement, ...]:
    """Items of a phase are due on its last day; of a pipeline and of the rollout, on the day the rollout starts."""
    due = {phase.id: phase.end for phase in timeline.phases if phase.end is not None}
    if frame.landing is not None:
        last = [stage.id for stage in timeline.stages] or [timeline.phases[-1].id]
        due |= dict.fromkeys(last, frame.landing.begins.date())
    return requirements_of(frame.places, due, frame.service.not_for_us)


def _on_call(frame: Frame) -> tuple[OnCall, ...]:
    if frame.landing is None:
        return ()
    auto = bool(frame.numbers.value("rollback_auto"))
    answer = frame.numbers.shown("hold.decision_timeout")
    return on_call_of(frame.steps, frame.landing.begins, frame.calendar, auto=auto, answer=answer)


def _messages(frame: Frame, undo: str) -> tuple[Message, ...]:
    landing, big_bang = frame.landing, frame.answers.deployment_strategy is DeploymentStrategy.BIG_BANG
    window = frame.numbers.shown("big_bang.maintenance_window") if big_bang else ""
    words = words_of(frame.answers, frame.service.name, frame.version, frame.release, undo, window)
    begins, exposed = (landing.begins, landing.exposed) if landing else (None, None)
    times = Times(frame.release, begins, exposed, frame.today if landing else None)
    return messages_of(frame.answers, words, frame.calendar, times)


def _notes(frame: Frame, timeline: Timeline) -> tuple[str, ...]:
    return (
        *_exempt(frame),
        *_unchecked(frame),
        *_band(timeline),
        # Without a date nobody asked for a schedule; its problems are in its own section.
        *(_outlasts(frame.usual, frame.spans) if frame.landing else ()),
        *(timeline.trains.overlap if frame.landing and timeline.trains else ()),
    )


def _exempt(frame: Frame) -> tuple[str, ...]:
    mine = {item.id for items in frame.places.values() for item in items}
    exempt = [(item, reason) for item, reason in frame.service.not_for_us.items() if item in mine]
    return tuple(f"readiness does not require {item}: {reason}" for item, reason in exempt)


def _unchecked(frame: Frame) -> tuple[str, ...]:
    """Steps that look like checks and check nothing, because nobody was named to ask."""
    configured = frame.service.checks
    if configured is None:
        return ()
    empty = [s for s in frame.steps if s.kind is StepKind.CHECK and s.id not in OWN_CHECKS and s.id not in configured]
    titles = ", ".join(f"{step.title} ({step.id})" for step in empty)
    return (f"skipped unless you configure them under `checks`: {titles}",) if empty else ()


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
    return (f"the execution phase takes {takes} days instead of {usual}, because this plan's steps do",)
