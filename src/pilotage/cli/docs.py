"""`docs` and `completion`: the reference in the terminal, and shell completion."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pilotage.cli.options import json_option

if TYPE_CHECKING:
    from pilotage.app.reference import ErrorKind, Section


@click.command()
@click.argument("section", required=False, default="")
@json_option
def docs(section: str, as_json: bool) -> None:
    """Explain the settings of pilotage.yaml, or list all errors.

    SECTION is a path in pilotage.yaml without the names you chose, or `errors`. Without SECTION, `docs` lists the
    top-level settings.

    \b
        pilotage docs environments.router
        pilotage docs errors
    """
    from pilotage.app import reference

    if section == "errors":
        _show_errors(reference.errors(), as_json)
        return
    found = reference.section(section)
    if as_json:
        shown = [{**vars(one), "settings": [vars(setting) for setting in one.settings]} for one in found]
        click.echo(json.dumps({"schema": 1, "sections": shown}, indent=2, ensure_ascii=False))
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        _show_section(one)


def _show_section(found: Section) -> None:
    click.secho(found.path or "pilotage.yaml", bold=True)
    if found.description:
        click.echo(found.description)
    for setting in found.settings:
        click.echo()
        click.echo("  " + click.style(setting.name, bold=True), nl=False)
        about = [setting.kind, setting.default if setting.default == "required" else f"default {setting.default}"]
        click.echo(f"  {'; '.join(part for part in about if part and part != 'default ')}")
        if setting.description:
            click.echo(click.wrap_text(setting.description, 78, "    ", "    "))
        if setting.section:
            path = f"{found.path}.{setting.name}".removeprefix(".")
            click.echo(f"    `pilotage docs {path}` explains its settings.")


def _show_errors(found: Sequence[ErrorKind], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"schema": 1, "errors": [vars(one) for one in found]}, indent=2, ensure_ascii=False))
        return
    from pilotage.cli.edge import console
    from pilotage.render.rich_table import rich_table

    rows = [(str(one.exit_status), one.code, one.meaning) for one in found]
    console().print(rich_table(("exit", "code", "meaning"), rows))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    \b
    bash: eval "$(pilotage completion bash)"                     in ~/.bashrc
    zsh:  eval "$(pilotage completion zsh)"                      in ~/.zshrc
    fish: pilotage completion fish | source                      in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from pilotage.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None, "one of the shells that click knows"
    try:
        click.echo(kind(cli, {}, "pilotage", "_PILOTAGE_COMPLETE").source())
    except RuntimeError as error:
        # bash before 4.4, as macOS has it, completes nothing that way.
        click.echo(str(error), err=True)
        sys.exit(9)
