"""`init`, `validate`, `schema`, `doctor`: set up a project before the first plan."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import Command, environment_option, json_option
from pilotage.model.answers import SHORT_NAMES
from pilotage.model.questions import QUESTIONS
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.model.finding import Finding


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
@click.option("--command", "start_command", help="Command that starts one instance. Default: read from this folder.")
@click.option(
    "--image", help="Run containers of this image instead, such as shop:{version}. `auto`: read from this folder."
)
@click.option("--container-port", help="Port on which the program in the container listens. Default: read from files.")
@click.option(
    "--router",
    type=click.Choice(["embedded", "haproxy", "nginx"]),
    default="embedded",
    help="What splits the traffic: the embedded router, or an HAProxy or nginx of yours. [default: embedded]",
)
@click.option(
    "--health-check-path",
    help="Path that returns 2xx when an instance is healthy. Default: read from this folder, or /.",
)
@click.option("--listen", help="Port or address where users reach the service. Default: a free one from 8080.")
@click.option("--count", help="Number of instances that carry the full load. Default: 2.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@_answer_options
@click.pass_obj
def init(
    project: Project,
    /,
    service: str | None,
    start_command: str | None,
    image: str | None,
    container_port: str | None,
    router: str,
    health_check_path: str | None,
    listen: str | None,
    count: str | None,
    force: bool,
    **answers: str | None,
) -> None:
    """Write a commented pilotage.yaml from a few answers.

    Proposes how the service starts from what is in this folder, such as a Procfile, package.json, pyproject.toml,
    manage.py, go.mod, Dockerfile or compose file. It also names an HAProxy or nginx that it finds. On a terminal,
    `init` asks; press Enter to accept, or ? for help. In scripts, give the answers as options:

    \b
        pilotage init --command "venvs/{version}/bin/app --port {port}" --health-check-path /healthz
        pilotage init --service shop --risk-tolerance low
        pilotage init --image "registry.example.org/shop:{version}" --container-port 8000 --router haproxy
    """
    from pilotage.app.init import check_new, proposed_start, service_name, write_configuration
    from pilotage.cli.init_places import chosen, hints
    from pilotage.cli.init_questions import asks, start_of

    check_new(project, force=force)
    proposed, found = proposed_start(project)
    options = {"command": start_command, "health": health_check_path, "listen": listen, "count": count}
    name = service_name(project, service)
    start = chosen(project.folder, name, start_of(proposed, found, options), image, container_port, router)
    given: dict[str, str] = {}
    for question, kind, default, text in QUESTIONS:
        given[question] = _ask(question, kind, default, text, answers[question], given)
    write_configuration(project, given, start, service=service)
    click.echo(f"wrote {project.config}", err=True)
    if not asks() and start_command is None and not start.image:
        said = f"read from {found.source}" if found.source else "a placeholder: nothing here says how it starts"
        click.echo(f"fleet.command is {said}; check it", err=True)
    for line in hints(project.folder, name, start):
        click.echo(line, err=True)
    if "{version}" in start.cwd and not start.image:
        click.echo(f"put each version into {start.cwd}, such as {start.cwd.replace('{version}', '1.0.0')}", err=True)
    click.echo("next: pilotage doctor --version VERSION, then pilotage plan VERSION", err=True)


def _ask(
    name: str, kind: type[StrEnum], default: str, question: str, given: str | None, before: dict[str, str]
) -> str:  # fmt: skip
    from pilotage.app.init import checked, effects_of
    from pilotage.cli.init_questions import ask, asks

    if given is not None or not asks():
        return checked(name, given or default)

    def explain() -> None:
        for option, means in effects_of(name, kind, default, before):
            head = f"  {option:<16}"
            click.echo(click.wrap_text(means, 79, head, " " * len(head)))

    click.echo("\n" + click.wrap_text(question, 79))
    click.echo(click.wrap_text(", ".join(kind), 79, "  ", "  "))
    return ask(default, lambda text: checked(name, text), explain)


@click.command()
@click.option("--fix", is_flag=True, help="First rename keys and settings that have new names. Comments stay.")
@click.pass_obj
def validate(project: Project, fix: bool) -> None:
    """Check pilotage.yaml, and that it makes a plan. Lists every error at once, with line and column."""
    from pilotage.app.init import rename_keys
    from pilotage.app.init import validate as check

    if fix and (count := rename_keys(project)):
        click.echo(f"{project.config}: {counted(count, 'name')} replaced")
    check(project)
    click.echo(f"{project.config} is valid")


@click.command()
@click.argument("of", type=click.Choice(["configuration", "plan", "events", "output"]), default="configuration")
def schema(of: str) -> None:
    """Print a JSON Schema: of pilotage.yaml (default, for editors), plans, events, or the output of --json."""
    from pilotage.app.init import schema_of

    click.echo(schema_of(of), nl=False)


@click.command()
@environment_option
@click.option("--version", help="Also start one instance of this version, check its health, and stop it.")
@click.option("--server", "of_server", is_flag=True, help="Check what the server needs instead: TLS, database, backup.")
@json_option
@click.pass_obj
def doctor(project: Project, environment: str | None, version: str | None, of_server: bool, as_json: bool) -> None:
    """Check this machine, pilotage.yaml and its channels, of every environment unless -e names one.

    Exits with 9 if something is missing, and says what to do.

    \b
        pilotage doctor --version 2.5.0   tries to start one instance, where no user reaches it
    """
    from pilotage.app.doctor import examine
    from pilotage.cli.output import show_json
    from pilotage.model.output.records import CheckedOutput, DoctorOutput

    if of_server:
        from pilotage.app.examine_server import examine_server

        findings = list(examine_server(project))
    else:
        findings = examine(project, environment, version)
    if as_json:
        checked = (CheckedOutput(result=f.result, subject=f.what, sentence=f.sentence) for f in findings)
        show_json(DoctorOutput(findings=tuple(checked)))
    else:
        for finding in findings:
            _show(finding)
    raise SystemExit(9 if any(f.result == "FAIL" for f in findings) else 0)


def _show(finding: Finding) -> None:
    from pilotage.cli.plain_table import width_shown
    from pilotage.render.fitted import wrapped

    text, head, width = f"{finding.what}: {finding.sentence}", f"{finding.result:<5} ", width_shown()
    for line in [head + text] if width is None else wrapped(text, width, head, " " * len(head)):
        click.echo(line)
