"""Printing JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from pilotage.model.output.base import Part


def show_json(output: Part, *, line: bool = False) -> None:
    """Print to standard output. line: on one line, as one of several."""
    click.echo(json_text(output, line=line))


def json_text(output: Part, *, line: bool = False) -> str:
    """The same as text."""
    encoded = msgspec.json.encode(output)
    return (encoded if line else msgspec.json.format(encoded, indent=2)).decode()
