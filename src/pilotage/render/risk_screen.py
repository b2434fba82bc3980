"""What `pilotage risk` shows on a terminal: the answer, what to act on, what to read, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from pilotage.model.quantity import format_share
from pilotage.model.risk import Assessment, ChangeRisk, Finding
from pilotage.model.text import line, plain
from pilotage.render.rich_table import rich_table
from pilotage.render.risk_words import CONTEXT, by_cure, level_word, shortened, where

_COLOUR = {"low": "green", "medium": "yellow", "high": "red", "critical": "bold red"}
_MARGIN = 12
_ROOM = 40
"""Characters of a folder in the column of reasons."""
_MOST = 5
"""Findings of one action that are shown."""
_LONGEST = 4000
"""Characters of a path: a system takes no more. One with a line feed does not begin a line."""


def screen_of(found: Assessment, changes: Sequence[ChangeRisk]) -> Iterator[RenderableType]:
    """changes: to list as well, riskiest first; none to leave them out."""
    yield Text("risk ").append(found.level.upper(), _COLOUR[found.level])
    yield Text(found.lead)
    if found.actions:
        yield Text("\nact on", "bold")
        for cure, findings in by_cure(found):
            yield from _action(cure, findings)
    if found.read_first:
        yield Text(f"\n{found.reading}", "bold")
        yield Padding(_reading(found.read_first), (0, 0, 0, 2))
    yield Text()
    rows = (
        (one.factor, Text(level_word(one), _COLOUR[one.level] * one.scored), _PLACE.sub(_short, one.sentence))
        for one in found.factors
    )
    yield rich_table(("factor", "level", "why"), rows)
    yield Text(CONTEXT, "dim")
    yield from (Text(note, "dim") for note in found.notes)
    yield Text("\nrecommended ", "bold").append(found.advice, "not bold")
    yield Text(f"estimated from {found.model}", "dim")
    if changes:
        yield Text()
        yield _listed(changes)


_PLACE = re.compile(r"`([^`]{1,4000})`")


def _short(place: re.Match[str]) -> str:
    return f"`{shortened(place[1], _ROOM)}`"


def _action(cure: str, findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """What is too long for the line continues below its first word; a path or an address is never broken, so that it
    can be copied."""
    place = ""
    for one in findings[:_MOST]:
        yield _row(Text(f"  {one.level}", _COLOUR[one.level]), Text(line(one.sentence, _LONGEST)))
        for words in (line(one.place, _LONGEST) if one.place != place else "", one.link):
            if words:
                yield _Whole(words)
        place = one.place
    if len(findings) > _MOST:
        yield _row(Text(), Text(f"and {len(findings) - _MOST} more"))
    yield _row(Text(), Text(f"→ {cure}"))


@dataclass(frozen=True)
class _Whole:
    """A line that the terminal itself breaks, if it must."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(f"{' ' * _MARGIN}{self.text}", console.get_style("dim"))
        yield Segment.line()


def _row(level: Text, words: Text) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=_MARGIN - 2)
    grid.add_column(overflow="fold")
    grid.add_row(level, words)
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
