"""Phases backwards from the release date, or a pipeline's stages (R4, R9, R10). Ranges stay ranges.

A week is five open days. The upper bounds give the latest safe start, the lower ones the shortest path, the days
between them are slack. Phases do not overlap, start and end on open days, and none starts or ends in a freeze (C14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from pilotage.model.answers import Answers, DeploymentStrategy, ReleaseFrequency, ReleaseType, RiskTolerance
from pilotage.model.calendar import ONE_DAY, Calendar
from pilotage.model.plan import Step, StepKind
from pilotage.model.schedule import Facts, Milestone, Phase, Stage, Trains

FACTS = {
    ReleaseType.MAJOR: Facts(
        "breaking changes and major features", "high: comprehensive testing and a migration plan",
        "4–8 weeks", "2–4 weeks",
    ),
    ReleaseType.MINOR: Facts(
        "new features without breaking changes", "medium: standard testing and validation", "2–4 weeks", "1–2 weeks"
    ),
    ReleaseType.PATCH: Facts(
        "fixes and minor improvements", "low: focused testing of what is affected", "1–2 weeks", "1 week"
    ),
    ReleaseType.HOTFIX: Facts(
        "a critical fix, needed at once", "critical: expedited, with focused validation", "1–3 days", "same day"
    ),
    ReleaseType.FEATURE_FLAG: Facts(
        "a progressive rollout behind a flag", "variable: controlled exposure, watched", "1–2 weeks", "continuous"
    ),
}  # fmt: skip
"""R4."""

PLANNING, DEVELOPMENT, TESTING, PREPARATION, EXECUTION = (
    "planning_phase", "development_phase", "testing_phase", "deployment_preparation", "deployment_execution",
)  # fmt: skip

_TITLES = {
    PLANNING: "Planning",
    DEVELOPMENT: "Development",
    TESTING: "Testing",
    PREPARATION: "Preparation",
    EXECUTION: "Execution",
}


@dataclass(frozen=True)
class Span:
    """One phase of R9's table: open days from `shortest` to `longest`, its activities, its source."""

    id: str
    shortest: int
    longest: int
    activities: tuple[str, ...]
    source: str


def _weeks(identity: str, least: int, most: int, *activities: str) -> Span:
    return Span(identity, least * 5, most * 5, activities, "R9")


def _days(identity: str, least: int, most: int, *activities: str, source: str = "R9") -> Span:
    return Span(identity, least, most, activities, source)


_SPANS: Mapping[ReleaseType, tuple[Span, ...]] = {
    ReleaseType.MAJOR: (
        _weeks(PLANNING, 4, 6, "requirements_finalization", "architecture_review", "risk_assessment",
               "resource_allocation", "stakeholder_alignment"),
        _weeks(DEVELOPMENT, 8, 12, "feature_development", "unit_testing", "code_reviews", "integration_testing",
               "documentation_updates"),
        _weeks(TESTING, 3, 4, "system_testing", "user_acceptance_testing", "performance_testing", "security_testing",
               "regression_testing"),
        _weeks(PREPARATION, 1, 2, "deployment_script_testing", "rollback_procedure_validation", "monitoring_setup",
               "communication_preparation", "final_stakeholder_approval"),
        _days(EXECUTION, 2, 3, "pre_deployment_checklist", "production_deployment", "post_deployment_validation",
              "stakeholder_notification", "documentation_finalization"),
    ),
    ReleaseType.MINOR: (
        _weeks(PLANNING, 2, 3, "feature_scoping", "technical_design", "resource_planning", "timeline_confirmation"),
        _weeks(DEVELOPMENT, 4, 6, "feature_implementation", "unit_testing", "integration_testing", "code_reviews"),
        _weeks(TESTING, 1, 2, "system_testing", "user_acceptance_testing", "regression_testing"),
        _days(PREPARATION, 3, 5, "deployment_validation", "communication_preparation", "stakeholder_approval"),
        _days(EXECUTION, 1, 2, "production_deployment", "validation", "communication"),
    ),
    ReleaseType.PATCH: (
        _weeks(PLANNING, 1, 2, "bug_analysis", "fix_scoping", "risk_assessment"),
        _weeks(DEVELOPMENT, 1, 3, "bug_fixes", "unit_testing", "code_reviews"),
        _days(TESTING, 3, 5, "targeted_testing", "regression_testing"),
        _days(EXECUTION, 1, 1, "deployment", "validation", "communication"),
    ),
    ReleaseType.HOTFIX: (
        _days(PLANNING, 1, 3, "bug_analysis", "fix_scoping", "risk_assessment", "bug_fixes", "code_reviews",
              "targeted_testing", source="R4, C5"),
        _days(EXECUTION, 1, 1, "deployment", "validation", "communication", "backport", "review_afterwards",
              source="R4, C5"),
    ),
    ReleaseType.FEATURE_FLAG: (
        _weeks(PLANNING, 1, 2, "feature_scoping", "flag_design", "feature_implementation", "unit_testing",
               "code_reviews", "targeted_testing"),
        _days(EXECUTION, 1, 1, "deployment", "progressive_exposure", "validation", "communication", source="R4, C5"),
    ),
}  # fmt: skip

_MAJOR_EXECUTION = {DeploymentStrategy.BLUE_GREEN: (1, 2), DeploymentStrategy.CANARY: (3, 5)}

_MILESTONES = {
    PLANNING: (
        "Requirements finalized", "Architecture approved", "Risk assessment completed", "Go/No-go decision made",
    ),
    DEVELOPMENT: ("Feature freeze", "Code complete", "Unit tests passing", "Code reviews completed"),
    TESTING: ("System testing complete", "UAT sign-off", "Performance validation", "Security clearance"),
    PREPARATION: (
        "Deployment scripts validated", "Rollback procedures tested", "Communication plan approved",
        "Final stakeholder sign-off",
    ),
    EXECUTION: (
        "Production deployment complete", "Health checks passing", "Stakeholders notified",
        "Post-deployment review scheduled",
    ),
}  # fmt: skip
"""R9; where a type lacks a phase, its milestones come due in the phase before (C21)."""


def spans_of(answers: Answers) -> tuple[Span, ...]:
    """The phases of a scheduled release as the requirement has them; none for a continuous one (C6)."""
    if answers.release_frequency is ReleaseFrequency.CONTINUOUS:
        return ()
    *before, last = _SPANS[answers.release_type]
    if answers.release_type is ReleaseType.MAJOR:
        least, most = _MAJOR_EXECUTION.get(answers.deployment_strategy, (last.shortest, last.longest))
        last = replace(last, shortest=least, longest=most)
    return (*before, last)


def widened(spans: tuple[Span, ...], rollout_days: int) -> tuple[Span, ...]:
    """The execution phase is never shorter than the plan's own steps take (C8)."""
    *before, last = spans
    if rollout_days <= last.shortest:
        return spans
    source = last.source
    if rollout_days > last.longest:
        source = f"{source}; extended to {rollout_days} days by this plan's steps"
    longest = max(last.longest, rollout_days)
    return (*before, replace(last, shortest=rollout_days, longest=longest, source=source))


@dataclass(frozen=True)
class Slot:
    """A span's days in the safe schedule and on the shortest path."""

    span: Span
    start: date
    end: date
    latest_start: date
    latest_end: date
    done: bool


def slots_of(
    spans: tuple[Span, ...], release: date, calendar: Calendar, done: frozenset[str], *, emergency: bool
) -> tuple[Slot, ...]:
    """Each span backwards from the release date, the last one ending on it. Raises OverflowError after ten years."""
    slots = []
    end = latest_end = release
    for span in reversed(spans):
        start = calendar.open_days_back(end, span.longest, emergency=emergency)
        latest_start = calendar.open_days_back(latest_end, span.shortest, emergency=emergency)
        slots.append(Slot(span, start, end, latest_start, latest_end, span.id in done))
        end = calendar.open_days_back(start, 2, emergency=emergency)
        latest_end = calendar.open_days_back(latest_start, 2, emergency=emergency)
    return tuple(reversed(slots))


def phases_of(
    spans: tuple[Span, ...],
    slots: tuple[Slot, ...],
    tasks: Mapping[str, tuple[str, ...]],
    calendar: Calendar,
    done: frozenset[str],
) -> tuple[Phase, ...]:
    """The spans as phases; with `slots` empty they have no days."""
    phases = []
    for index, span in enumerate(spans):
        slot = slots[index] if slots else None
        titles = _milestone_titles(span.id, [other.id for other in spans])
        phases.append(
            Phase(
                span.id, _TITLES[span.id], span.shortest, span.longest,
                slot.start if slot else None, slot.end if slot else None,
                slot.latest_start if slot else None, slot.latest_end if slot else None, span.activities,
                _spread(titles, slot, calendar), tasks.get(span.id, ()), span.id in done, span.source,
            )
        )  # fmt: skip
    return tuple(phases)


def _milestone_titles(phase: str, present: list[str]) -> tuple[str, ...]:
    """A phase's own milestones, and those of the missing phases that would have followed it."""
    order = list(_MILESTONES)
    titles = list(_MILESTONES[phase])
    for follower in order[order.index(phase) + 1 :]:
        if follower in present:
            break
        titles += _MILESTONES[follower]
    return tuple(titles)


def _spread(titles: tuple[str, ...], slot: Slot | None, calendar: Calendar) -> tuple[Milestone, ...]:
    """Milestones in their order over the phase, the last on its last day, each on a day that counts; those of the
    execution when everyone has the release."""
    if slot is None:
        return tuple(Milestone(title, None) for title in titles)
    if slot.span.id == EXECUTION:
        return tuple(Milestone(title, slot.end) for title in titles)
    length = (slot.end - slot.start).days
    due = []
    for number, title in enumerate(titles, 1):
        day = slot.start + ONE_DAY * (length * number // len(titles))
        while day > slot.start and not calendar.is_open(day):
            day -= ONE_DAY
        due.append(Milestone(title, day))
    return tuple(due)


_STAGES = (
    ("commit", "Commit", 0, 5, ("automated_tests", "code_quality_checks", "security_scanning")),
    ("build", "Build", 5, 15, ("compilation", "artifact_creation", "container_building")),
    ("deploy_staging", "Staging", 10, 20, ("environment_provisioning", "deployment", "smoke_tests")),
    ("automated_testing", "Automated testing", 15, 30, ("integration_tests", "e2e_tests", "performance_tests")),
)
_PRODUCTION_BAND = {DeploymentStrategy.CANARY: (30, 60), DeploymentStrategy.BLUE_GREEN: (10, 20)}
MINUTE = 60


def stages_of(answers: Answers, steps: tuple[Step, ...], tasks: Mapping[str, tuple[str, ...]]) -> tuple[Stage, ...]:
    """R10's pipeline; the production stage's estimate comes from the plan's own steps."""
    careful = answers.risk_tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME)
    stages = [
        Stage(
            name, title, least * MINUTE, most * MINUTE, None, activities,
            careful and name == "automated_testing", tasks.get(name, ()),
            "R10, C17" if careful and name == "automated_testing" else "R10",
        )
        for name, title, least, most, activities in _STAGES
    ]  # fmt: skip
    least, most = _PRODUCTION_BAND.get(answers.deployment_strategy, (20, 40))
    activities = (f"{answers.deployment_strategy}_deployment", "health_checks", "monitoring_validation")
    production = Stage(
        "production_deployment", "Production", least * MINUTE, most * MINUTE, until_everyone(steps), activities, False,
        tasks.get("production_deployment", ()), "R10",
    )  # fmt: skip
    return (*stages, production)


AFTERWARDS = (
    "post-deployment validation: every instance runs the new version and is healthy, and no limit was exceeded",
    "notify stakeholders of the release's id, status and duration",
)
ON_FAILURE = ("roll back as planned", "incident response: open the incident, notify people, document it")


def until_everyone(steps: tuple[Step, ...]) -> int | float:
    """Seconds of watching and waiting before every user has the release."""
    total: int | float = 0
    for step in steps:
        if step.weight == 1000 and step.kind in (StepKind.BAKE, StepKind.KEEP, StepKind.DRAIN, StepKind.RETIRE):
            break
        total += step.duration
    return total


_CADENCES = {ReleaseFrequency.WEEKLY: 5, ReleaseFrequency.MONTHLY: 21, ReleaseFrequency.QUARTERLY: 63}
"""Open days between two releases."""


def trains_of(frequency: ReleaseFrequency, spans: tuple[Span, ...]) -> Trains | None:
    """How many releases of this length overlap in this cadence (C13); None for a continuous one."""
    cadence = _CADENCES.get(frequency)
    if cadence is None:
        return None
    length = sum(span.longest for span in spans)
    fitting = [name for name, days in _CADENCES.items() if days >= length]
    return Trains(length, cadence, -(-length // cadence), str(fitting[0]) if fitting else "")
