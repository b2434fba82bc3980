"""`init`, `validate`, `schema`, `doctor`: set up a project before the first plan."""

from __future__ import annotations

import sys
from enum import StrEnum

import click

from pilotage.app.project import Project
from pilotage.cli.options import Command, environment_option, json_option
from pilotage.model.answers import SHORT_NAMES
from pilotage.model.errors import Invalid
from pilotage.model.questions import QUESTIONS

_START = "python -m shop --port {port} --release {version}"


def _answer_options(command: Command) -> Command:
    for name, kind, default, question in reversed(QUESTIONS):
        flag = f"--{name.replace('_', '-')}"
        short = [f"--{word}" for word, whole in SHORT_NAMES.items() if whole == name]
        if name == "stakeholder_complexity":
            text = f"{question} [{', '.join(kind)}; default: {default}]"
            option = click.option(flag, *short, name, default=None, help=text)
        else:
            option = click.option(
                flag,
                name,
                type=click.Choice([str(word) for word in kind]),
                default=None,
                help=f"{question} [default: {default}]",
            )
        command = option(command)
    return command


@click.command()
@click.option("--service", help="Service name. Default: the name of this folder.")
@click.option("--command", "start_command", default=_START, show_default=True, help="Command that starts one instance.")
@click.option("--listen", default="127.0.0.1:8080", show_default=True, help="Address where users reach the service.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@_answer_options
@click.pass_obj
def init(
    project: Project, /, service: str | None, start_command: str, listen: str, force: bool, **answers: str | None
) -> None:
    """Write a commented pilotage.yaml from six answers.

    On a terminal, `init` asks the questions. In scripts, give the answers as options:

    \b
        pilotage init --service shop --risk-tolerance low
    """
    from pilotage.app.init import check_new, write_configuration

    check_new(project, force=force)
    given: dict[str, str] = {}
    for name, kind, default, text in QUESTIONS:
        given[name] = _ask(name, kind, default, text, answers[name], given)
    write_configuration(project, given, service=service, command=start_command, listen=listen)
    click.echo(f"wrote {project.config}; next: `pilotage doctor`, then `pilotage plan VERSION`", err=True)


def _ask(
    name: str, kind: type[StrEnum], default: str, question: str, given: str | None, before: dict[str, str]
) -> str:  # fmt: skip
    from pilotage.app.init import checked, effects_of

    if given is None and sys.stdin.isatty() and sys.stdout.isatty():
        click.echo(f"\n{question}")
        for option, means in effects_of(name, kind, default, before):
            click.echo(f"  {option:<16}{means}")
        while True:
            try:
                return checked(name, str(click.prompt(" ", default=default, prompt_suffix="")))
            except Invalid as error:  # a typing error must not lose the answers before
                click.echo(f"  {error}")
    return checked(name, given or default)


@click.command()
@click.option("--fix", is_flag=True, help="First rename keys and settings that have new names. Comments stay.")
@click.pass_obj
def validate(project: Project, fix: bool) -> None:
    """Check pilotage.yaml, and that it makes a plan. Lists every error at once, with line and column."""
    from pilotage.app.init import rename_keys
    from pilotage.app.init import validate as check

    if fix and (count := rename_keys(project)):
        click.echo(f"{project.config}: {count} name{'s' if count > 1 else ''} replaced")
    check(project)
    click.echo(f"{project.config} is valid")


@click.command()
@click.argument("of", type=click.Choice(["configuration", "plan", "events", "output"]), default="configuration")
def schema(of: str) -> None:
    """Print the JSON Schema of pilotage.yaml, for editors, or of plans, of events, or of what --json prints."""
    from pilotage.app.init import schema_of

    click.echo(schema_of(of), nl=False)


@click.command()
@environment_option
@click.option("--version", help="Also start one instance of this version, check its health, and stop it.")
@json_option
@click.pass_obj
def doctor(project: Project, environment: str | None, version: str | None, as_json: bool) -> None:
    """Check this machine, pilotage.yaml and its channels.

    Exits with 9 if something is missing, and says what to do.

    \b
        pilotage doctor --version 2.5.0   tries to start one instance, where no user reaches it
    """
    from pilotage.app.doctor import examine
    from pilotage.cli.output import show_json
    from pilotage.model.output.records import CheckedOutput, DoctorOutput

    findings = examine(project, environment, version)
    if as_json:
        checked = (CheckedOutput(result=f.result, subject=f.what, sentence=f.sentence) for f in findings)
        show_json(DoctorOutput(findings=tuple(checked)))
    else:
        for finding in findings:
            click.echo(f"{finding.result:<5} {finding.what}: {finding.sentence}")
    raise SystemExit(9 if any(f.result == "FAIL" for f in findings) else 0)
