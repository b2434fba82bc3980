"""Makes docs/reference/cli.md from the commands themselves. `python docs/reference.py` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from pilotage.cli.main import _GROUPS, cli

_OPENING = """# Command line

Every command with its arguments and options. `pilotage COMMAND --help` prints the same in the terminal, and
`pilotage completion` completes it. [Scripts](../guides/scripts.md) shows how to use `--json` and
[exit statuses](errors.md#exit-statuses).
"""


def page() -> str:
    return "\n".join((_OPENING, *_overview(), _for_all(), *_commands()))


def _overview() -> Iterator[str]:
    for title, commands in _GROUPS.items():
        rows = (f"| [`{name}`](#{_anchor(f'pilotage {name}')}) | {text} |" for name, (_, text) in commands.items())
        yield "\n".join((f"**{title}**", "", "| command | does |", "|---|---|", *rows, ""))


def _for_all() -> str:
    context = click.Context(cli, info_name="pilotage")
    return f"## Options of every command\n\nGive these before the command.\n\n{_options(cli, context)}\n"


def _commands() -> Iterator[str]:
    top = click.Context(cli, info_name="pilotage")
    for title, commands in _GROUPS.items():
        yield f"## {title}\n"
        for name in commands:
            command = cli.get_command(top, name)
            assert command is not None, name
            yield from _command(command, click.Context(command, info_name=name, parent=top), "###")


def _command(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    path = context.command_path
    default = getattr(command, "_default", None)
    yield f"{level} {path}\n\n{_help(command)}\n"
    if isinstance(command, click.Group):
        if default:
            yield f"`{path}` without a subcommand means [`{path} {default}`](#{_anchor(f'{path} {default}')}).\n"
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _command(inner, click.Context(inner, info_name=name, parent=context), "####")
        return
    usage = " ".join((path, *command.collect_usage_pieces(context)))
    yield f"```text\n{usage}\n```\n"
    if options := _options(command, context):
        yield f"{options}\n"


def _help(command: click.Command) -> str:
    """The help text as Markdown: what click prints as it stands becomes a code block."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    shown = []
    for paragraph in paragraphs:
        if paragraph.startswith("\b\n"):
            shown.append(f"```text\n{inspect.cleandoc(paragraph[2:])}\n```")
        else:
            shown.append(re.sub(r"<([^>]+)>", r"&lt;\1&gt;", paragraph))
    return "\n\n".join(shown)


def _options(command: click.Command, context: click.Context) -> str:
    rows = []
    for option in command.params:
        record = option.get_help_record(context)
        if record is None or not record[1] or option.name == "help":
            continue
        names, text = record[0], " ".join(record[1].split())
        if isinstance(option.type, click.Choice):
            names = names.partition(" [")[0]
            said, bracket, default = text.partition(" [default: ")
            text = f"{said} One of {', '.join(map(str, option.type.choices))}.{bracket}{default}"
        variable = getattr(option, "envvar", None)
        text += f" Environment variable: `{variable}`." if variable else ""
        cells = (cell.replace("|", r"\|") for cell in (f"`{names}`", text))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(("| option | meaning |", "|---|---|", *rows)) if rows else ""


def _anchor(heading: str) -> str:
    return heading.replace(" ", "-")
