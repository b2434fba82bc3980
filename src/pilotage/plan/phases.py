"""Phases backwards from the release date (R9). Ranges stay ranges.

A week is five open days. The upper bounds give the latest safe start, the lower ones the shortest path, the days
between them are slack. Phases do not overlap, start and end on open days, and none starts or ends in a freeze (C14).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from pilotage.model.answers import Answers, DeploymentStrategy, ReleaseFrequency, ReleaseType
from pilotage.model.calendar import ONE_DAY, Calendar
from pilotage.model.schedule import Milestone, Phase, Trains
from pilotage.model.wording import counted
from pilotage.plan.activities import (
    DEVELOPMENT,
    EXECUTION,
    PLANNING,
    PREPARATION,
    TESTING,
    Mark,
    activities_of,
    gates_of,
    marks_of,
)

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
        source = f"{source}; extended to {counted(rollout_days, 'day')} by this plan's steps"
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
    phases, required = [], frozenset(item for items in tasks.values() for item in items)
    for index, span in enumerate(spans):
        slot = slots[index] if slots else None
        marks = marks_of(span.id, [other.id for other in spans])
        phases.append(
            Phase(
                span.id, _TITLES[span.id], span.shortest, span.longest,
                slot.start if slot else None, slot.end if slot else None,
                slot.latest_start if slot else None, slot.latest_end if slot else None,
                activities_of(span.activities, required),
                _spread(marks, required, slot, calendar), tasks.get(span.id, ()), span.id in done, span.source,
            )
        )  # fmt: skip
    return tuple(phases)


def _spread(
    marks: tuple[Mark, ...], required: Collection[str], slot: Slot | None, calendar: Calendar
) -> tuple[Milestone, ...]:
    """Milestones in their order over the phase, the last on its last day, each on a day that counts; those of the
    execution when everyone has the release."""
    return tuple(
        Milestone(
            mark.title, None if slot is None else _due(slot, number, len(marks), calendar), mark.id, mark.owner,
            gates_of(mark.gates, required),
        )
        for number, mark in enumerate(marks, 1)
    )  # fmt: skip


def _due(slot: Slot, number: int, count: int, calendar: Calendar) -> date:
    """The day of the `number`-th of `count` milestones."""
    if slot.span.id == EXECUTION:
        return slot.end
    day = slot.start + ONE_DAY * ((slot.end - slot.start).days * number // count)
    while day > slot.start and not calendar.is_open(day):
        day -= ONE_DAY
    return day


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
