"""Tables and whole texts: within the width of a terminal on one, and within COLUMNS where it is set; else piped, one
line a row. Without Rich where there is no terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence

import click

from pilotage.render.plain_table import lines_of

_FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Environment variables with which people get a terminal's output without a terminal."""


_LEAST = 40
"""Columns below which nothing can be laid out."""


def for_terminal() -> bool:
    """Whether a person reads the output."""
    return sys.stdout.isatty() or any(os.environ.get(name) for name in _FORCED)


def piped_width() -> int | None:
    """Columns for a pipe with COLUMNS set; None if lines may have any length."""
    named = os.environ.get("COLUMNS", "")
    return max(int(named), _LEAST) if named.isascii() and named.isdigit() and len(named) < 6 else None


def width_shown() -> int | None:
    """Columns of a line on this terminal or of this pipe; None where a line may have any length."""
    return shutil.get_terminal_size().columns if for_terminal() else piped_width()


def show_lines(lines: Iterable[str]) -> None:
    """Print sentences, folded where a table would be."""
    from pilotage.render.fitted import wrapped

    width = width_shown()
    for line in lines:
        if width is None or len(line) < width:
            click.echo(line)
            continue
        own = len(line) - len(line.lstrip())
        for folded in wrapped(line, width, " " * own, " " * (own + 2)):
            click.echo(folded)


def show_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print it."""
    if for_terminal():
        from pilotage.cli.edge import console
        from pilotage.render.rich_table import rich_table

        console().print(rich_table(titles, rows))
        return
    if (width := piped_width()) is not None:
        from pilotage.render.fitted import fitted

        click.echo("\n".join(line.text for line in fitted(titles, rows, width)))
        return
    for line in lines_of(titles, rows):
        click.echo(line)
