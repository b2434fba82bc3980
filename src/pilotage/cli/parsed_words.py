"""What a command line means before it is carried out: which command, for which service, and which files it names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from pilotage.cli.options import PlanName


@dataclass(frozen=True, kw_only=True)
class ParsedWords:
    """command: its words, such as `way approve` · service, environment: as options name them, or empty · paths: values
    of everything that is a file or a folder · plans: values that are a file with a plan or the id of a rollout ·
    config: whether `--config` was given."""

    command: str
    service: str
    environment: str
    paths: tuple[str, ...]
    plans: tuple[str, ...]
    config: bool


def parse_words(root: click.Command, words: Sequence[str]) -> ParsedWords:
    """Raises click.UsageError for words that mean no command."""
    names, paths, plans, service, environment = list[str](), list[str](), list[str](), "", ""
    context = _context(root, root.name or "", list(words), None)
    config = context.get_parameter_source("config") is click.core.ParameterSource.COMMANDLINE
    service = str(context.params.get("service") or "")
    while True:
        paths += _given(context, _is_file)
        plans += _given(context, lambda one: isinstance(one.type, PlanName))
        environment = str(context.params.get("environment") or environment)
        rest = [*context._protected_args, *context.args]
        if not isinstance(context.command, click.Group) or not rest:
            break
        name, command, further = context.command.resolve_command(context, rest)
        if command is None or name is None:
            break
        names.append(name)
        context = _context(command, name, further, context)
    return ParsedWords(
        command=" ".join(names), service=service, environment=environment, paths=tuple(dict.fromkeys(paths)),
        plans=tuple(dict.fromkeys(plans)), config=config,
    )  # fmt: skip


def _context(command: click.Command, name: str, words: list[str], parent: click.Context | None) -> click.Context:
    with _files_as_text(command):
        # Resilient: what is missing or wrong is said by the command itself, with its own words and status.
        return command.make_context(name, words, parent=parent, resilient_parsing=True)


@contextlib.contextmanager
def _files_as_text(command: click.Command) -> Iterator[None]:
    """A file need not exist here, and is not opened, to be named."""
    files = [(one, one.type) for one in command.params if _is_file(one)]
    for parameter, _ in files:
        parameter.type = click.STRING
    try:
        yield
    finally:
        for parameter, type_ in files:
            parameter.type = type_


def _is_file(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.Path | click.File)


def _given(context: click.Context, wanted: Callable[[click.Parameter], bool]) -> Iterator[str]:
    """The values of such parameters, where the words have them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not click.core.ParameterSource.COMMANDLINE or parameter.name == "config":
            continue
        if wanted(parameter):
            value = context.params.get(parameter.name or "")
            yield from (str(one) for one in (value if isinstance(value, tuple) else (value,)) if one is not None)
