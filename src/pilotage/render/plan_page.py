"""What the first screen of a plan's page says: whether it can be executed, when, what happens, and who is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import NamedTuple

from pilotage.model.document import KeyFigure, Section
from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import about, format_duration, format_share
from pilotage.model.schedule import Role
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.render.days import show_day

_MOST = 8
"""Stations of a course that fit side by side."""

_UNIT = re.compile(r"(?<=\d)(d|h|ms|m|s)")
_REMARKS = ("no alert for ", "readiness does not require ")
"""How notes begin that say what the plan leaves out, and why that is right."""
_COUNTED = {
    "answers": "answer", "conflicts": "conflict", "timeline": "phase", "readiness": "item", "risk": "factor",
    "steps": "step", "waves": "wave", "on-call": "shift", "rollback": "step", "health": "metric", "alerts": "alert",
    "communication": "message", "retrospective": "part", "settings": "setting",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FirstScreen:
    """state: class of the pill · course: stations of the rollout with what they take; empty where there are too many ·
    dates: what, when · needed: role, what for, first day · warnings: notes that somebody should act on · remarks: the
    others."""

    state: str
    decision: str
    kind: str
    figures: tuple[KeyFigure, ...]
    course: tuple[tuple[str, str], ...]
    dates: tuple[tuple[str, str], ...]
    needed: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]


def first_screen(plan: Plan) -> FirstScreen:
    state, decision = _decision(plan)
    course, remarks = tuple(_course(plan)), tuple(one for one in plan.notes if one.startswith(_REMARKS))
    return FirstScreen(
        state=state, decision=decision, kind=_kind(plan), figures=tuple(_figures(plan)),
        course=course if len(course) <= _MOST else (), dates=tuple(_dates(plan)), needed=tuple(_needed(plan)),
        warnings=tuple(one for one in plan.notes if one not in remarks), remarks=remarks,
    )  # fmt: skip


def section_counts(sections: tuple[Section, ...]) -> dict[str, str]:
    """Section → how much is in it."""
    return {
        one.id: counted(len(one.rows), _COUNTED[one.id] if one.title != "Pipeline" else "stage") if one.rows else ""
        for one in sections
    }


def spaced(duration: str) -> str:
    """`4d10s` → `4 d 10 s`; minutes are `min`."""
    return _UNIT.sub(lambda unit: f" {'min' if unit[0] == 'm' else unit[0]} ", duration).strip()


def _decision(plan: Plan) -> tuple[str, str]:
    if stops := len(plan.stopped_by):
        return "bad", f"Blocked by {counted(stops, 'conflict')}"
    if accepted := sum(1 for conflict in plan.conflicts if conflict.reason):
        return "wait", f"{counted(accepted, 'conflict')} accepted"
    if plan.conflicts:
        return "wait", counted(len(plan.conflicts), "warning")
    return "good", "Can be executed"


def _kind(plan: Plan) -> str:
    answers = plan.answers
    readers = ", ".join(answers.stakeholders)
    kind = f"{answers.release_type[0].upper()}{answers.release_type[1:]} release"
    kind += ", first deployment" if plan.first else f" by {answers.deployment_strategy}"
    return f"{kind}, risk tolerance {answers.risk_tolerance} · {answers.team_size} team, {readers}"


def _figures(plan: Plan) -> Iterator[KeyFigure]:
    steps = counted(len(plan.steps), "step")
    takes = KeyFigure("Rollout takes", spaced(about(plan.watched)), f"at least, in {steps}")
    if plan.first:
        takes = KeyFigure("Rollout", "first deployment", f"{steps}; all users get it at once")
    if plan.release_date:
        yield KeyFigure("Everyone has it", show_day(plan.release_date), f"zone {plan.zones[0]}")
    else:
        yield KeyFigure("Release date", "none", "the plan starts when you deploy")
    yield takes
    triggers = counted(len(plan.rollback.triggers), "trigger")
    if plan.first:
        yield KeyFigure("Rollback", "none", "there is no earlier version")
    else:
        yield KeyFigure("Rollback takes", spaced(format_duration(plan.rollback.timeout)), f"at most; {triggers}")
    if plan.risk:
        yield KeyFigure("Risk", plan.risk.level.value, f"fix needed: {plan.risk.short}")
    else:
        blocking = sum(item.blocking for item in plan.readiness)
        yield KeyFigure("Readiness", counted(blocking, "item"), "risk of the change: not assessed")


def _course(plan: Plan) -> Iterator[tuple[str, str]]:
    """Stations: what users have, and for how long. Steps that change nothing for them belong to the station before."""
    for (name, _), found in groupby(plan.steps, key=lambda step: (_station(step), step.downtime)):
        steps = list(found)
        seconds = sum(step.duration for step in steps)
        yield name, spaced(about(seconds)) if seconds else counted(len(steps), "step")


def _station(step: Step) -> str:
    if step.downtime:
        return "Closed"
    if step.audience:
        return step.audience
    return format_share(step.weight / WHOLE) if step.weight else "Prepare"


def _dates(plan: Plan) -> Iterator[tuple[str, str]]:
    timeline = plan.timeline
    for stage in timeline.stages:
        longest = stage.estimate if stage.estimate else stage.longest
        title = f"{stage.title}, to everyone" if stage.estimate else stage.title
        yield title, f"{'' if stage.estimate else 'up to '}{spaced(format_duration(longest))}"
    if timeline.latest_safe_start:
        yield "Start, to be safe", show_day(timeline.latest_safe_start)
    if timeline.latest_start:
        yield "Start, at the latest", show_day(timeline.latest_start)
    days = [item.due for item in plan.readiness if item.due and item.blocking]
    if days:
        yield "All is ready", show_day(max(days))
    if timeline.phases and timeline.phases[-1].start:
        yield "Rollout begins", show_day(timeline.phases[-1].start)
    if plan.release_date:
        yield "Everyone has it", show_day(plan.release_date)
    if plan.retrospective.due:
        yield "Retrospective", show_day(plan.retrospective.due)


def _needed(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Whoever owes most comes first."""
    owed = sorted(((_owed(plan, role), role) for role in Role), key=lambda one: -one[0].things)
    yield from ((role.value, found.words, _first(found.days)) for found, role in owed if found.things)


class _Owed(NamedTuple):
    things: int
    words: str
    days: list[date]


def _owed(plan: Plan, role: Role) -> _Owed:
    items = [item for item in plan.readiness if item.owner == role and item.blocking]
    messages = [message for message in plan.communication if message.owner == role]
    duties = sum(wave.owner == role for wave in plan.on_call)
    words = [counted(len(items), "readiness item")] * bool(items) + [counted(len(messages), "message")] * bool(messages)
    words += [f"on call for {counted(duties, 'step')}"] * bool(duties)
    days = [due for due in (*(item.due for item in items), *(message.due for message in messages)) if due]
    return _Owed(len(items) + len(messages) + duties, ", ".join(words), days)


def _first(days: list[date]) -> str:
    return f"{min(days):%Y-%m-%d}" if days else ""
