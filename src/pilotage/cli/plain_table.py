"""A table of texts: on a terminal folded to its width; piped, one line a row, for `grep` and `awk`, without Rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from unicodedata import combining, east_asian_width

import click

_FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Environment variables by which people have a terminal's output where there is none."""


def show_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print it."""
    if sys.stdout.isatty() or any(os.environ.get(name) for name in _FORCED):
        from pilotage.cli.edge import console
        from pilotage.render.rich_table import rich_table

        console().print(rich_table(titles, rows))
        return
    for line in lines_of(titles, rows):
        click.echo(line)


def lines_of(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The titles, then a line a row, in columns. A cell of several lines becomes one."""
    table = [titles, *([" ".join(cell.split("\n")) for cell in row] for row in rows)]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def width_of(text: str) -> int:
    """Columns of a terminal that it takes."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
