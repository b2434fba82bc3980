"""A plan, and the difference between two, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.render.rich_table import rich_table
from pilotage.render.sections import headline, sections, summary

SHOWN = ("conflicts", "timeline", "steps", "rollback")
"""What a person looks at first; the rest is a line that says how to see it."""


def plan_view(plan: Plan, wanted: tuple[str, ...] = ()) -> RenderableType:
    """The parts asked for, or those a person looks at first. `all` asks for every part."""
    parts = sections(plan)
    chosen = {part.id for part in parts} if "all" in wanted else set(wanted or SHOWN)
    head = Text.assemble((headline(plan), "bold"), f"   {summary(plan)}   ", (f"plan {plan.hash[:12]}", "dim"))
    notes = [Text(f"• {note}", "yellow") for note in plan.notes]
    shown = [line for part in parts if part.id in chosen for line in _section(part)]
    left = [f"{part.id} ({len(part.rows)})" for part in parts if part.id not in chosen]
    foot = (
        [Text(f"\nMore sections: {', '.join(left)}. Show them with --section NAME or --section all.", "dim")]
        if left
        else []
    )
    return Group(head, *notes, *shown, *foot)


def _section(section: Section) -> Iterator[RenderableType]:
    yield Text(f"\n{section.title}", "bold underline")
    yield from (Text(sentence) for sentence in section.sentences)
    if section.rows:
        yield rich_table(section.headers, section.rows, numbers=section.numbers)
    yield from (Text(f"  • {bullet}") for bullet in section.bullets)


def changes_view(changes: tuple[PlanChange, ...]) -> RenderableType:
    """The changes by part: what, from what to what, whom it concerns and why."""
    from pilotage.plan.difference import by_part

    lines: list[RenderableType] = []
    for part, found in by_part(changes).items():
        lines.append(Text(f"\n{part.capitalize()}", "bold underline"))
        rows = ((c.what, c.before, c.after, c.whom, c.reason) for c in found)
        lines.append(rich_table(("what", "before", "after", "affects", "because of"), rows))
    return Group(*lines)
