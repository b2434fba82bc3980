"""Shell completion of values: environments, versions, rollouts, items and other names of the project at hand.

Loaded only while a shell asks. Whatever goes wrong completes nothing: a shell must never be shown an error meanwhile.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from pilotage.app import completions
from pilotage.app.completions import Candidate
from pilotage.app.project import Project

Complete = Callable[[Project, str | None, str], Iterable[Candidate]]

_BY_PARAMETER: dict[str, Complete] = {
    "service": lambda project, *_: completions.services(project),
    "environment": lambda project, *_: completions.environments(project),
    "version": lambda project, environment, _: completions.versions(project, environment),
    "to": lambda project, environment, _: completions.versions(project, environment),
    "rollout": lambda project, environment, _: completions.rollouts(project, environment),
    "before": lambda project, environment, _: completions.rollouts(project, environment),
    "after": lambda project, environment, _: completions.rollouts(project, environment),
    "source": lambda project, environment, _: completions.rollouts(project, environment),
    "items": lambda *_: completions.items(),
    "item": lambda project, *_: completions.announcements(project),
    "role": lambda *_: completions.roles(),
    "channel": lambda project, *_: completions.channels(project),
    "name": lambda project, environment, _: completions.freezes(project, environment),
    "number": lambda project, *_: completions.followups(project),
    "accept": lambda *_: completions.conflicts(),
    "path": lambda project, *_: completions.settings(project),
    "what_if": lambda *_: completions.answers(),
    "section": lambda *_: completions.sections(),
    "topic": lambda _project, _environment, typed: completions.topics(typed),
}
"""By the parameter's name, which has one meaning in all commands."""


def complete_values(command: click.Command) -> None:
    """Let every parameter of `command`, and of its subcommands, that stands for a name of the project complete it."""
    for parameter in command.params:
        found = _BY_PARAMETER.get(parameter.name or "")
        if found and not isinstance(parameter.type, click.Path | click.File | click.Choice):
            # click's own place for it is private.
            parameter.shell_complete = _completer(found)  # type: ignore[assignment, method-assign]
    if isinstance(command, click.Group):
        for one in command.commands.values():
            complete_values(one)


def _completer(complete: Complete) -> Callable[[click.Context, str], list[CompletionItem]]:
    def found(context: click.Context, typed: str) -> list[CompletionItem]:
        try:
            candidates = list(complete(_project(context), context.params.get("environment"), typed))
        except Exception:
            return []
        return [
            CompletionItem(_in_shell(value), help=words or None)
            for value, words in candidates
            if value.startswith(typed) and value.isprintable()
        ]

    return found


def _in_shell(value: str) -> str:
    """Bash inserts what it is given: a name with a space, or with `$(…)`, would be more than one word. Zsh and fish
    quote by themselves."""
    from pilotage.cli.main import COMPLETING

    return shlex.quote(value) if os.environ.get(COMPLETING, "").startswith("bash") else value


def _project(context: click.Context) -> Project:
    given = context.find_root().params
    config = given.get("config") or Path("pilotage.yaml")
    return Project(Path(config), given.get("service"), warn=lambda _: None)
