"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])
"""A function that options are added to."""


def said(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Validate an option or argument that must not be empty."""
    if not value.strip():
        raise click.BadParameter("must not be empty")
    return value.strip()


def address(listen: str, example: str) -> tuple[str, int]:
    """Host and port of `--listen`. Raises BadParameter."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 65536):
        raise click.BadParameter(f"{listen!r} is not an address such as {example}", param_hint="--listen")
    return host, int(port)


environment_option = click.option("-e", "--environment", help="Environment, if there are several.")
key_option = click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Trust only signatures of this public key (PEM). Repeatable.",
)  # fmt: skip
reason_option = click.option("-m", "--reason", default="", help="Why. Recorded with the rollout.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
