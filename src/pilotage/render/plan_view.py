"""A plan, and the difference between two, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.render.plan_parts import parts_of
from pilotage.render.rich_table import rich_table
from pilotage.render.sections import headline, summary


def plan_view(plan: Plan, wanted: tuple[str, ...] = ()) -> RenderableType:
    """The named parts, or those shown by default. `all` stands for every part."""
    parts = parts_of(plan, wanted)
    head = Text.assemble((headline(plan), "bold"), f"   {summary(plan)}   ", (f"plan {plan.hash[:12]}", "dim"))
    notes = [_bullets(plan.notes, "yellow")] if plan.notes else []
    shown = [line for part in parts.shown for line in _section(part)]
    foot = [Text(f"\n{parts.left}", "dim")] if parts.left else []
    return Group(head, *notes, *shown, *foot)


def _section(section: Section) -> Iterator[RenderableType]:
    yield Text(f"\n{section.title}", "bold underline")
    yield from (_sentence(sentence) for sentence in section.sentences)
    if section.rows:
        yield rich_table(section.headers, section.rows, numbers=section.numbers)
    if section.bullets:
        yield _bullets(section.bullets)


def _sentence(text: str) -> RenderableType:
    """A sentence; a list item continues below its first word."""
    return _bullets([text.removeprefix("• ")]) if text.startswith("• ") else Text(text)


def _bullets(texts: Iterable[str], style: str = "") -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for text in texts:
        grid.add_row(Text("•", style), Text(text, style))
    return grid


def changes_view(changes: tuple[PlanChange, ...]) -> RenderableType:
    """The changes by part: what changed, from what to what, whom it affects and why."""
    from pilotage.plan.difference import by_part

    lines: list[RenderableType] = []
    for part, found in by_part(changes).items():
        lines.append(Text(f"\n{part.capitalize()}", "bold underline"))
        rows = ((c.what, c.before, c.after, c.whom, c.reason) for c in found)
        lines.append(rich_table(("what", "before", "after", "affects", "because of"), rows))
    return Group(*lines)
