"""When and how a release is looked back on (R25, R26)."""

from __future__ import annotations

from datetime import date, timedelta

from pilotage.model.answers import Answers, ReleaseFrequency, TeamSize
from pilotage.model.calendar import Calendar
from pilotage.model.look_back import AgendaItem, Retrospective, Target
from pilotage.model.schedule import Role

MINUTES = {TeamSize.SMALL: 60, TeamSize.MEDIUM: 90, TeamSize.LARGE: 120, TeamSize.DISTRIBUTED: 120}
_TIMING = {ReleaseFrequency.CONTINUOUS: "weekly", ReleaseFrequency.WEEKLY: "after each release"}
_AGENDA = (
    ("opening", "Welcome and objectives", 5),
    ("release_review", "Release metrics and outcomes", 20),
    ("what_went_well", "Successful practices and wins", 15),
    ("what_could_improve", "Challenges and pain points", 20),
    ("action_items", "Specific improvement actions", 15),
    ("process_improvements", "Process and tool enhancements", 10),
    ("closing", "Next steps and follow-up", 5),
)
REQUIRED = (Role.ENGINEERING_LEAD, Role.DEVOPS_ENGINEER, Role.PRODUCT_MANAGER, Role.QA_LEAD)
"""Who must come."""

_BEFOREHAND = ("release_review", "what_went_well")
_STEP = 5

TARGETS = (
    Target("deployment_success_rate", "deployment", "Successful deployments", "> 99 %",
        "share with n and its Wilson interval"),
    Target("deployment_duration", "deployment", "Deployment duration", "trend", "median"),
    Target("rollback_frequency", "deployment", "Rolled-back deployments", "< 5 %",
        "share with n and its Wilson interval"),
    Target("mean_time_to_recovery", "deployment", "Time to recovery", "< 30 min", "median"),
    Target("bug_escape_rate", "quality", "Escaped bugs", "< 2 %", "escaped ÷ (escaped + found before) in the period"),
    Target("customer_reported_issues", "quality", "Customer-reported issues", "trend", "count, over six periods"),
    Target("performance_regressions", "quality", "Performance regressions", "0", "rolled back, or still there"),
    Target("security_vulnerabilities", "quality", "Security vulnerabilities", "0", "open at the last readiness check"),
    Target("team_satisfaction", "team", "Team satisfaction", "survey", "mean of the answers of 91 days"),
    Target("knowledge_sharing", "team", "Documentation completeness", "trend", "share of alerts with a runbook"),
    Target("skill_development", "team", "Training completed", "trend", "share of courses"),
    Target("process_adherence", "team", "Readiness items with evidence", "trend", "share of items"),
)  # fmt: skip


def agenda_for(minutes: int, *, distributed: bool = False) -> tuple[AgendaItem, ...]:
    """The seven parts scaled to the slot in steps of five minutes; they add up to it (C12).

    Largest remainders get the steps that rounding down left over; of equals the earlier part.
    """
    total = sum(weight for *_, weight in _AGENDA)
    shares = [weight * minutes / total / _STEP for *_, weight in _AGENDA]
    steps = [max(1, int(share)) for share in shares]
    left = minutes // _STEP - sum(steps)
    for index in sorted(range(len(shares)), key=lambda i: (steps[i] - shares[i], i))[:left]:
        steps[index] += 1
    return tuple(
        AgendaItem(name, title, count * _STEP, distributed and name in _BEFOREHAND)
        for (name, title, _), count in zip(_AGENDA, steps, strict=True)
    )


def retrospective_of(answers: Answers, release: date | None, calendar: Calendar) -> Retrospective:
    """Weekly for continuous, after each release for weekly, else monthly; always after a rollback (R25)."""
    minutes = MINUTES[answers.team_size]
    return Retrospective(
        timing=_TIMING.get(answers.release_frequency, "monthly"),
        due=release and due_after(answers.release_frequency, release, calendar),
        after_rollback="a blameless review within 5 working days of any rollback",
        minutes=minutes,
        required=REQUIRED,
        optional=(
            Role.CUSTOMER_SUCCESS, Role.SUPPORT_LEAD, Role.SECURITY_ENGINEER, Role.BUSINESS_STAKEHOLDER,
        ),
        agenda=agenda_for(minutes, distributed=answers.team_size is TeamSize.DISTRIBUTED),
        targets=TARGETS,
        action_fields=("description", "owner", "due date", "success criterion", "priority: high, medium or low"),
        follow_up=(
            "weekly: progress of each action", "monthly: effect of the actions",
            "quarterly: effectiveness of the process", "yearly: next areas to improve",
        ),
        source="R25, R26",
    )  # fmt: skip


def series(frequency: ReleaseFrequency, due: date, version: str) -> str:
    """What a retrospective is about: a week such as 2026-W48, a version, or a month such as 2026-11."""
    if frequency is ReleaseFrequency.CONTINUOUS:
        year, week, _ = due.isocalendar()
        return f"{year}-W{week:02d}"
    return version if frequency is ReleaseFrequency.WEEKLY else f"{due:%Y-%m}"


def due_after(frequency: ReleaseFrequency, release: date, calendar: Calendar) -> date:
    """Continuous: the week's last working day after it; weekly: two working days later; else the month's last one."""
    if frequency is ReleaseFrequency.WEEKLY:
        return calendar.working_day_after(release, 2)
    end = _end_of_week(release) if frequency is ReleaseFrequency.CONTINUOUS else _end_of_month(release)
    day = calendar.working_day_before(end, 0)
    while day <= release:
        following = end + timedelta(days=1)
        end = _end_of_week(following) if frequency is ReleaseFrequency.CONTINUOUS else _end_of_month(following)
        day = calendar.working_day_before(end, 0)
    return day


def _end_of_week(day: date) -> date:
    return day + timedelta(days=6 - day.weekday())


def _end_of_month(day: date) -> date:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return following - timedelta(days=1)
