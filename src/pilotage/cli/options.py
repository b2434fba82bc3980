"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from pilotage.model.text import clean

Command = TypeVar("Command", bound=Callable[..., object])
"""A function that options are added to."""


def said(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Validate an option or argument that must not be empty, also without what is no text."""
    if not clean(value).strip():
        raise click.BadParameter("must not be empty")
    return value.strip()


def address(listen: str) -> tuple[str, int]:
    """Host and port of `--listen`. Raises BadParameter."""
    from pilotage.model.address import parse_address

    try:
        return parse_address(listen, lowest=0)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from None


class PlanName(click.ParamType[str]):
    """A file with a plan, `-` for standard input, or the id of a rollout."""

    name = "plan"


PLAN = PlanName()
NUMBER = click.IntRange(1, 2**31 - 1)
"""A number that Pilotage gave to something: no store has larger ones."""

environment_option = click.option("-e", "--environment", help="Environment, if there are several.")
key_option = click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Trust only signatures of this public key (PEM). Repeatable.",
)  # fmt: skip
reason_option = click.option("-m", "--reason", default="", help="Why. Recorded with the rollout.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
