"""A plan, and the difference between two, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.render.plan_parts import parts_of
from pilotage.render.rich_table import rich_table
from pilotage.render.sections import headline, summary

_WIDE = 110
"""Columns of a terminal from which every table has room."""
_FEW = 3
"""Columns of a table that always has room."""


def plan_view(plan: Plan, wanted: tuple[str, ...] = ()) -> RenderableType:
    """The parts asked for, or those a person looks at first. `all` asks for every part."""
    parts = parts_of(plan, wanted)
    head = Text.assemble((headline(plan), "bold"), f"   {summary(plan)}   ", (f"plan {plan.hash[:12]}", "dim"))
    notes = [_bullets(plan.notes, "yellow")] if plan.notes else []
    shown = [line for part in parts.shown for line in _section(part)]
    foot = [Text(f"\n{parts.left}", "dim")] if parts.left else []
    return Group(head, *notes, *shown, *foot)


def _section(section: Section) -> Iterator[RenderableType]:
    yield Text(f"\n{section.title}", "bold underline")
    yield from (Text(sentence) for sentence in section.sentences)
    if section.rows:
        yield _Rows(section)
    if section.bullets:
        yield _bullets(section.bullets)


def _bullets(texts: Iterable[str], style: str = "") -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for text in texts:
        grid.add_row(Text("•", style), Text(text, style))
    return grid


def _fact(header: str, cell: str) -> str:
    """`timeout 2m`, and `if it fails: stop the canary`."""
    return f"{header}: {cell}" if len(cell.split()) > 3 else f"{header} {cell}"


@dataclass(frozen=True)
class _Rows:
    """A table where its columns have room, else each row as a block: what it is, and the rest below it."""

    section: Section

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        section = self.section
        if len(section.headers) <= _FEW or options.max_width >= _WIDE:
            yield rich_table(section.headers, section.rows, numbers=section.numbers)
            return
        first = 1 if section.headers[0] == "#" else 0
        for row in section.rows:
            yield Text(f"{row[0]:>2}  {row[1]}" if first else row[0], "bold")
            said = zip(section.headers[first + 1 :], row[first + 1 :], strict=True)
            facts = " · ".join(_fact(header, cell) for header, cell in said if cell != "–")
            yield Padding(Text(facts), (0, 0, 0, 4))


def changes_view(changes: tuple[PlanChange, ...]) -> RenderableType:
    """The changes by part: what, from what to what, whom it concerns and why."""
    from pilotage.plan.difference import by_part

    lines: list[RenderableType] = []
    for part, found in by_part(changes).items():
        lines.append(Text(f"\n{part.capitalize()}", "bold underline"))
        rows = ((c.what, c.before, c.after, c.whom, c.reason) for c in found)
        lines.append(rich_table(("what", "before", "after", "affects", "because of"), rows))
    return Group(*lines)
