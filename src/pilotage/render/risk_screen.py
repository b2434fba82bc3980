"""What `pilotage risk` shows on a terminal: the answer, what to act on, what to read, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pilotage.model.quantity import format_share
from pilotage.model.risk import Assessment, ChangeRisk, Finding
from pilotage.model.text import plain
from pilotage.render.rich_table import rich_table
from pilotage.render.risk_words import CONTEXT, by_cure, level_word, where

_COLOUR = {"low": "green", "medium": "yellow", "high": "red", "critical": "bold red"}
_MOST = 5
"""Findings of one action that are shown."""


def screen_of(found: Assessment, changes: Sequence[ChangeRisk]) -> Iterator[RenderableType]:
    """changes: to list as well, riskiest first; none to leave them out."""
    yield Text("risk ").append(found.level.upper(), _COLOUR[found.level])
    yield Text(found.lead)
    if found.actions:
        yield Text("\nact on", "bold")
        for cure, findings in by_cure(found):
            yield _action(cure, findings)
    if found.read_first:
        yield Text(f"\n{found.reading}", "bold")
        yield Padding(_reading(found.read_first), (0, 0, 0, 2))
    yield Text()
    rows = ((one.factor, Text(level_word(one), _COLOUR[one.level] * one.scored), one.sentence) for one in found.factors)
    yield rich_table(("factor", "level", "why"), rows)
    yield Text(CONTEXT, "dim")
    yield from (Text(note, "dim") for note in found.notes)
    yield Text("\nrecommended ", "bold").append(found.advice, "not bold")
    yield Text(f"estimated from {found.model}", "dim")
    if changes:
        yield Text()
        yield _listed(changes)


def _action(cure: str, findings: Sequence[Finding]) -> RenderableType:
    """What is too long for the line continues below its first word."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=10)
    grid.add_column(overflow="fold")
    place = ""
    for one in findings[:_MOST]:
        words = Text(one.sentence)
        if one.place and one.place != place:
            words.append(f"\n{one.place}", "dim")
        if one.link:
            words.append(f"\n{one.link}", "dim")
        grid.add_row(Text(f"  {one.level}", _COLOUR[one.level]), words)
        place = one.place
    if len(findings) > _MOST:
        grid.add_row("", f"and {len(findings) - _MOST} more")
    grid.add_row("", Text(f"→ {cure}"))
    return grid


def _reading(changes: Sequence[ChangeRisk]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for one in changes:
        grid.add_row(one.commit[:10], Text(plain(one.subject, 120)).append(f"\n{where(one)}", "dim"))
    return grid


def _listed(changes: Sequence[ChangeRisk]) -> RenderableType:
    ordered = sorted(changes, key=lambda one: -one.score)
    rows = ((one.commit[:10], format_share(round(one.score, 3)), f"{one.lines:,}", one.subject) for one in ordered)
    return rich_table(("change", "risk", "lines", "subject"), rows, numbers=("risk", "lines"))
