"""The key facts of a plan, by which people choose answers and compare plans."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import open_days
from pilotage.model.wording import counted
from pilotage.plan.values import show_value


def headlines(plan: Plan) -> Mapping[str, str]:
    """The few facts of a plan by which answers are chosen."""
    phases = plan.timeline.phases
    days = open_days(sum(p.shortest for p in phases), sum(p.longest for p in phases)) if phases else "a pipeline"
    conflicts = ", ".join(conflict.name for conflict in plan.conflicts)
    error = plan.setting("rollback_triggers.error_rate")
    return {
        "schedule": days,
        "analysis takes": "none, a first deployment" if plan.first else format_duration(plan.watched),
        "rollback within": "no earlier version" if plan.first else format_duration(plan.rollback.timeout),
        "error limit": show_value(error.unit, error.value),
        "automatic rollback": "on" if plan.setting("rollback_auto").value else "off",
        "readiness": counted(len(plan.readiness), "item"),
        "messages": str(len(plan.communication)),
        "retrospective": f"{plan.retrospective.timing}, {plan.retrospective.minutes} min",
        "conflicts": conflicts or "none",
    }


def contrast(before: Plan, after: Plan) -> str:
    """What sets `after` apart, in one line: the headlines that differ; empty when none does."""
    old, new = headlines(before), headlines(after)
    return ", ".join(f"{name} {new[name]}" for name in new if new[name] != old[name])
