"""Options that choose rows of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps

import click

from pilotage.model.audit import Filter

_TEXTS = {
    "actor": "Who changed it.",
    "action": "What kind of change, such as freeze or manage-people.",
    "object": "What was changed: a rollout's id, a person, a freeze's name.",
    "environment": "In this environment.",
    "outcome": "done, allowed, refused or failed.",
}


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """--actor, --action, --object, --environment, --outcome, --since, --until: the command gets them as `wanted`."""

    @wraps(command)
    def chosen(
        *given: object, since: datetime | None, until: datetime | None, actor: str, action: str, thing: str,
        environment: str, outcome: str, **others: object,
    ) -> None:  # fmt: skip
        wanted = Filter(
            actor=actor, action=action, object=thing, environment=environment, outcome=outcome,
            begins=since.replace(tzinfo=UTC).timestamp() if since else None,
            ends=(until.replace(tzinfo=UTC) + timedelta(days=1)).timestamp() if until else None,
        )  # fmt: skip
        command(*given, wanted=wanted, **others)

    day = click.DateTime(["%Y-%m-%d"])
    optioned: Callable[..., None] = click.option("--until", type=day, help="Up to this day, in UTC.")(chosen)
    optioned = click.option("--since", type=day, help="From this day on, in UTC.")(optioned)
    for name, words in reversed(_TEXTS.items()):
        more = {"environment": ("-e",), "object": ("thing",)}.get(name, ())
        optioned = click.option(f"--{name}", *more, default="", help=words)(optioned)
    return optioned
