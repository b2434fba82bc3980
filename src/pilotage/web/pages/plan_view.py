"""What the page of a plan shows first: may it be deployed, what happens, how long, and who is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from pilotage.model.document import Section
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.quantity import format_share
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.render.charts import HALF, NARROW, gantt, staircase
from pilotage.render.plan_page import section_counts
from pilotage.render.sections import sections
from pilotage.web.pages.rollout_view import Pill, RailEntry
from pilotage.web.pages.spoken import spoken

_STYLE = re.compile(r"<style>[^<]*</style>")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A folded section. count: what it holds, in words."""

    section: Section
    count: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """SVG for a wide screen and for a phone. The page's style sheet colours it: a policy forbids the one inside."""

    wide: Markup
    narrow: Markup


def pill_of_plan(plan: Plan, lacks: str = "", outdated: str = "") -> Pill:
    """lacks: what is not there to start the version · outdated: why it no longer fits what serves."""
    if outdated:
        return Pill(kind="bad", word="Outdated")
    if lacks:
        return Pill(kind="bad", word="Cannot be started")
    if stops := plan.stopped_by:
        return Pill(kind="bad", word=f"Blocked by {counted(len(stops), 'conflict')}")
    return Pill(kind="good", word="May be deployed")


_NOTABLE = (
    StepKind.GATE, StepKind.ANALYSE, StepKind.BAKE, StepKind.RETIRE, StepKind.SWITCH, StepKind.KEEP, StepKind.BATCH,
    StepKind.MAINTENANCE, StepKind.REPLACE, StepKind.FLAG_RAMP,
)  # fmt: skip


def steps_of(plan: Plan) -> tuple[RailEntry, ...]:
    """What people notice of it, in order; at most ten. Of a first deployment that is every step."""
    shown = [step for step in plan.steps if plan.first or step.kind in _NOTABLE]
    return tuple(
        RailEntry(state="", title=_said(step) if plan.first else _title(step), small=_small(step))
        for step in shown[:10]
    )


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
            return _said(step)


def _said(step: Step) -> str:
    return step.title[:1].upper() + step.title[1:]


def _small(step: Step) -> str:
    if step.kind is StepKind.GATE:
        return f"within {spoken(step.timeout)}" if step.timeout else ""
    return spoken(step.duration) if step.duration else ""


def approval_of(plan: Plan) -> str:
    """Whose approval it takes, in a sentence; empty where it takes none."""
    if not any(step.kind is StepKind.GATE for step in plan.steps):
        return ""
    count, role = int(plan.number("approval.count")), str(plan.setting("approval.role").value)
    who = f"{count} {'person' if count == 1 else 'people'}"
    own = bool(plan.setting("approval.allow_author").value)
    rest = "" if own else "; not whoever starts it"
    return f"{who}{f' with the role {role}' if role else ''} must approve it{rest}."


def parts_of(plan: Plan) -> tuple[Part, ...]:
    """Everything in it, folded."""
    found = sections(plan)
    counts = section_counts(found)
    return tuple(Part(section=one, count=counts[one.id]) for one in found if one.id != "conflicts")


def charts_of(plan: Plan) -> dict[str, Chart]:
    """`steps`: how many users have it over time · `timeline`: its phases."""
    return {
        name: Chart(wide=_bare(draw(plan, HALF)), narrow=_bare(draw(plan, NARROW)))
        for name, draw in (("steps", staircase), ("timeline", gantt))
    }


def _bare(svg: str) -> Markup:
    return Markup(_STYLE.sub("", svg))
