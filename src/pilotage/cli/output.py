"""Printing JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from pilotage.model.printed_json import encoded

if TYPE_CHECKING:
    from pilotage.model.output.base import Part


def show_json(output: Part, *, line: bool = False) -> None:
    """Print to standard output. line: on one line, as one of several."""
    click.echo(json_text(output, line=line))


def json_text(output: Part, *, line: bool = False) -> str:
    """The same as text."""
    text = encoded(output)
    return (text if line else msgspec.json.format(text, indent=2)).decode()
