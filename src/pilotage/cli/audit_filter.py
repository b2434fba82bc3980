"""Options that choose rows of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from pilotage.model.audit import Filter

_Command = TypeVar("_Command", bound=Callable[..., Any])

_TEXTS = {
    "actor": "Who changed it.",
    "action": "What kind of change, such as freeze or manage-people.",
    "object": "What was changed: a rollout's id, a person, a freeze's name.",
    "environment": "In this environment.",
    "outcome": "done, allowed, refused or failed.",
}


def filter_options(command: _Command) -> _Command:
    """--actor, --action, --object, --environment, --outcome, --since, --until."""
    day = click.DateTime(["%Y-%m-%d"])
    command = click.option("--until", type=day, help="Up to this day, in UTC.")(command)
    command = click.option("--since", type=day, help="From this day on, in UTC.")(command)
    for name, words in reversed(_TEXTS.items()):
        short = ("-e",) if name == "environment" else ()
        command = click.option(f"--{name}", *short, default="", help=words)(command)
    return command


def filter_of(*, since: datetime | None, until: datetime | None, **texts: str) -> Filter:
    begins = since.replace(tzinfo=UTC).timestamp() if since else None
    ends = (until.replace(tzinfo=UTC) + timedelta(days=1)).timestamp() if until else None
    return Filter(**texts, begins=begins, ends=ends)
