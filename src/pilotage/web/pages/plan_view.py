"""What the page of a plan shows first: may it be deployed, what happens, how long, and who is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from pilotage.model.document import Section
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.quantity import format_share
from pilotage.model.status import Mode
from pilotage.model.step_title import happens
from pilotage.model.traffic import WHOLE
from pilotage.render.charts import gantt, staircase
from pilotage.render.days import show_day
from pilotage.render.sections import sections
from pilotage.web.pages.rollout_view import Pill, RailEntry
from pilotage.web.pages.spoken import spoken

_STYLE = re.compile(r"<style>[^<]*</style>")
_CHARTS = {"timeline": gantt, "steps": staircase}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One of four key figures."""

    name: str
    value: str
    small: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A folded section. count: what it holds, in words · chart: SVG, empty for none."""

    section: Section
    count: str
    chart: Markup


def pill_of_plan(plan: Plan, lacks: str = "") -> Pill:
    """lacks: what is not there to start the version."""
    if lacks:
        return Pill(kind="bad", word="Cannot be started")
    if stops := plan.stopped_by:
        return Pill(kind="bad", word=f"Blocked by {len(stops)} conflict{'s' * (len(stops) != 1)}")
    return Pill(kind="good", word="May be deployed")


def figures_of(plan: Plan) -> tuple[Figure, ...]:
    risk, day = plan.risk, plan.release_date
    return (
        Figure(
            name="Complete", value=show_day(day) if day else "No date",
            small="everyone has it" if day else "starts when it is deployed",
        ),
        Figure(
            name="Takes at least", value=spoken(plan.watched),
            small=f"{len(plan.steps)} steps, {plan.instances} instances",
        ),
        Figure(name="Way back", value=f"at most {spoken(plan.rollback.timeout)}", small="at any step"),
        Figure(
            name="Risk", value=risk.level.capitalize() if risk else "Unknown",
            small=f"fix needed: {risk.short}" if risk else plan.risk_unknown or "not assessed",
        ),
    )  # fmt: skip


_NOTABLE = (
    StepKind.GATE, StepKind.ANALYSE, StepKind.BAKE, StepKind.RETIRE, StepKind.SWITCH, StepKind.KEEP, StepKind.BATCH,
    StepKind.MAINTENANCE, StepKind.REPLACE, StepKind.FLAG_RAMP,
)  # fmt: skip


def steps_of(plan: Plan, mode: Mode = Mode.FULL) -> tuple[RailEntry, ...]:
    """What people notice of it, in order; at most ten. mode: a first deployment asks and compares nothing."""
    shown = [step for step in plan.steps if step.kind in _NOTABLE and happens(step, mode)]
    return tuple(RailEntry(state="", title=_title(step), small=_small(step)) for step in shown[:10])


def _title(step: Step) -> str:
    users = step.audience or format_share(step.weight / WHOLE)
    match step.kind:
        case StepKind.GATE:
            return "Approval"
        case StepKind.ANALYSE | StepKind.BATCH | StepKind.FLAG_RAMP:
            return users
        case StepKind.BAKE:
            return f"Bake at {users}"
        case _:
            return step.title[:1].upper() + step.title[1:]


def _small(step: Step) -> str:
    if step.kind is StepKind.GATE:
        return f"within {spoken(step.timeout)}" if step.timeout else ""
    return spoken(step.duration) if step.duration else ""


def people_of(plan: Plan, mode: Mode = Mode.FULL) -> tuple[str, ...]:
    """Who is needed, a sentence each."""
    return tuple(_people(plan, mode))


def _people(plan: Plan, mode: Mode) -> Iterator[str]:
    if any(step.kind is StepKind.GATE and happens(step, mode) for step in plan.steps):
        count, role = int(plan.number("approval.count")), str(plan.setting("approval.role").value)
        who = f"{count} {'person' if count == 1 else 'people'}"
        own = bool(plan.setting("approval.allow_author").value)
        rest = "" if own else ", not whoever starts it"
        yield f"{who}{f' with the role {role}' if role else ''} to approve it{rest}."
    blocking: dict[str, int] = {}
    for item in plan.readiness:
        if item.blocking:
            blocking[str(item.owner)] = blocking.get(str(item.owner), 0) + 1
    if blocking:
        owners = ", ".join(f"{owner} ({count})" for owner, count in blocking.items())
        yield f"Readiness items of: {owners}."
    attending = dict.fromkeys(str(one.owner) for one in plan.on_call)
    if attending:
        yield f"On call: {', '.join(attending)}."


def parts_of(plan: Plan) -> tuple[Part, ...]:
    """Everything else, folded."""
    return tuple(
        Part(section=one, count=_count(one), chart=_chart(plan, one.id))
        for one in sections(plan)
        if one.id != "conflicts"
    )


def _count(section: Section) -> str:
    if section.rows:
        return f"{len(section.rows)} {'row' if len(section.rows) == 1 else 'rows'}"
    return section.sentences[0][:80] if section.sentences else ""


def _chart(plan: Plan, part: str) -> Markup:
    """The page's style sheet colours it: a policy forbids the one inside."""
    draw = _CHARTS.get(part)
    return Markup(_STYLE.sub("", draw(plan))) if draw else Markup("")
