"""Printing JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from pilotage.model.output.base import Part


def show_json(output: Part, *, line: bool = False) -> None:
    """Print to standard output. line: on one line, as one of several."""
    encoded = msgspec.json.encode(output)
    click.echo((encoded if line else msgspec.json.format(encoded, indent=2)).decode())
