"""Tables and whole texts: folded to the width of a terminal on one; piped, one line a row, without Rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from pilotage.render.plain_table import lines_of

_FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Environment variables by which people have a terminal's output where there is none."""


def for_terminal() -> bool:
    """Whether a person reads what is printed."""
    return sys.stdout.isatty() or any(os.environ.get(name) for name in _FORCED)


def show_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print it."""
    if for_terminal():
        from pilotage.cli.edge import console
        from pilotage.render.rich_table import rich_table

        console().print(rich_table(titles, rows))
        return
    for line in lines_of(titles, rows):
        click.echo(line)
