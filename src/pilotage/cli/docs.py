"""`docs` and `completion`: the reference in the terminal, and shell completion."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pilotage.cli.options import json_option

if TYPE_CHECKING:
    from pilotage.app.plan_settings import PlanSetting
    from pilotage.app.reference import NoSuchSection, Section


@click.command()
@click.argument("topic", required=False, default="")
@json_option
def docs(topic: str, as_json: bool) -> None:
    """Explain settings of pilotage.yaml, settings of a plan, or errors.

    TOPIC is a path in pilotage.yaml without the names you chose, the name of a plan's setting or of a group of them,
    `settings` for all settings of a plan, or `errors`. Without TOPIC, `docs` lists the top-level settings of
    pilotage.yaml.

    \b
        pilotage docs environments.router
        pilotage docs canary.phase_duration
        pilotage docs errors
    """
    if topic == "errors":
        _show_errors(as_json)
    elif found := _plan_settings(topic):
        _show_plan_settings(found, as_json)
    else:
        _show_sections(topic, as_json)


def _plan_settings(topic: str) -> Sequence[PlanSetting]:
    from pilotage.app.plan_settings import plan_settings

    name = topic.removeprefix("environments.overrides.")
    return plan_settings("" if topic == "settings" else name) if topic else ()


def _show_plan_settings(found: Sequence[PlanSetting], as_json: bool) -> None:
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.reference import DocsOutput, PlanSettingOutput

        outputs = (
            PlanSettingOutput(
                name=one.name, takes=one.takes, defaults={str(name): value for name, value in one.defaults.items()},
                description=one.description, strategy=one.strategy,
            )
            for one in found
        )  # fmt: skip
        show_json(DocsOutput(plan_settings=tuple(outputs)))
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        click.echo(click.style(one.name, bold=True) + f"  {one.takes}")
        click.echo(click.wrap_text(one.description, 78, "  ", "  "))
        only = f"  Only in {one.strategy} plans." if one.strategy else ""
        click.echo(f"  Default: {one.default or _by_tolerance(one)}.{only}")
    if len(found) == 1:
        click.echo("\nTo change it, set it under `overrides` of an environment in pilotage.yaml.")


def _by_tolerance(one: PlanSetting) -> str:
    return ", ".join(f"{value} for {name}" for name, value in one.defaults.items()) + " risk tolerance"


def _show_sections(topic: str, as_json: bool) -> None:
    from pilotage.app import reference

    try:
        found = reference.section(topic)
    except reference.NoSuchSection as error:
        raise _with_settings(topic, error) from None
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.reference import DocsOutput, SectionOutput, SettingOutput

        outputs = (
            SectionOutput(
                path=one.path, description=one.description,
                settings=tuple(SettingOutput(**vars(setting)) for setting in one.settings),
            )
            for one in found
        )  # fmt: skip
        show_json(DocsOutput(sections=tuple(outputs)))
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        _show_section(one)


def _with_settings(topic: str, error: NoSuchSection) -> NoSuchSection:
    """What to say of a topic that is no section: the name may be that of a plan's setting, or have been one."""
    from pilotage.app.plan_settings import close_to, renamed_setting
    from pilotage.app.reference import NoSuchSection

    if now := renamed_setting(topic):
        return NoSuchSection(f"{topic} is now called {now}")
    if close := close_to(topic):
        return NoSuchSection(f"there is no setting {topic!r}; did you mean {close}?")
    return error


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


def _show_errors(as_json: bool) -> None:
    from pilotage.app import reference

    found = reference.errors()
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.reference import ErrorOutput, ErrorsOutput

        show_json(ErrorsOutput(errors=tuple(ErrorOutput(**vars(one)) for one in found)))
        return
    from pilotage.cli.plain_table import show_table

    rows = [(str(one.exit_status), one.code, one.meaning) for one in found]
    show_table(("exit", "code", "meaning"), rows)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and names in SHELL.

    Names are environments, versions, rollouts, readiness items, channels and the like of the project in this folder.

    \b
    bash: eval "$(pilotage completion bash)"                     in ~/.bashrc
    zsh:  eval "$(pilotage completion zsh)"                      in ~/.zshrc
    fish: pilotage completion fish | source                      in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from pilotage.cli.main import COMPLETING, cli

    kind = get_completion_class(shell)
    assert kind is not None, "one of the shells that click knows"
    try:
        click.echo(kind(cli, {}, "pilotage", COMPLETING).source())
    except RuntimeError as error:
        # bash before 4.4, as macOS has it, completes nothing that way.
        click.echo(str(error), err=True)
        sys.exit(9)
