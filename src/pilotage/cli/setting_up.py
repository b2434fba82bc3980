"""`init`, `validate`, `schema`, `doctor`: everything before the first plan."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.project import Project, environment_option, json_option
from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)

if TYPE_CHECKING:
    from pilotage.model.plan import Plan

_START = "python -m shop --port {port} --release {version}"
_QUESTIONS: tuple[tuple[str, type[StrEnum], str, str], ...] = (
    ("release_type", ReleaseType, "minor", "What kind of change is released?"),
    (
        "deployment_strategy",
        DeploymentStrategy,
        "canary",
        "How should it reach users?",
    ),
    ("team_size", TeamSize, "small", "Who releases? small 2–5, medium 6–15, large >15, distributed"),
    ("release_frequency", ReleaseFrequency, "weekly", "How often?"),
    (
        "risk_tolerance",
        RiskTolerance,
        "medium",
        "How careful? low watches each step 24 h, medium 4 h, high 1 h",
    ),
    ("stakeholders", Stakeholder, "customer-facing", "Whom does it concern? several with commas"),
)


def _answer_options(command: Any) -> Any:
    for name, kind, default, question in reversed(_QUESTIONS):
        flag = f"--{name.replace('_', '-')}"
        if name == "stakeholders":
            text = f"{question} [{', '.join(kind)}; proposed: {default}]"
            option = click.option(flag, name, default=None, help=text)
        else:
            option = click.option(
                flag,
                name,
                type=click.Choice([str(word) for word in kind]),
                default=None,
                help=f"{question} [proposed: {default}]",
            )
        command = option(command)
    return command


@click.command()
@click.option("--service", help="The service's name; proposed: this folder's.")
@click.option("--command", "start_command", default=_START, show_default=True, help="How an instance is started.")
@click.option("--listen", default="127.0.0.1:8080", show_default=True, help="Where users reach the service.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@_answer_options
@click.pass_obj
def init(
    project: Project, /, service: str | None, start_command: str, listen: str, force: bool, **answers: str | None
) -> None:
    """Write a commented pilotage.yaml from six answers: asked on a terminal, given as flags elsewhere."""
    import re
    import shlex

    from pilotage.adapters.files import write_durably
    from pilotage.config.loading import json_schema, load
    from pilotage.engine.location import made

    path = project.config
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists already: --force overwrites it")
    given: dict[str, str] = {}
    for name, kind, default, text in _QUESTIONS:
        given[name] = _ask(name, kind, default, text, answers[name], given)
    folder = re.sub(r"[^a-z0-9-]+", "-", path.resolve().parent.name.lower()).strip("-")
    name = service or (folder if re.fullmatch(r"[a-z][a-z0-9-]{0,62}", folder) else "service")
    write_durably(path, _template(name, given, shlex.split(start_command), listen).encode(), shared=True)
    schema = project.directory / "pilotage.schema.json"
    made(schema.parent)
    write_durably(schema, json_schema().encode())
    load(path)
    click.echo(f"wrote {path}; next: `pilotage doctor`, then `pilotage plan VERSION`", err=True)


def _ask(
    name: str, kind: type[StrEnum], default: str, question: str, given: str | None, before: dict[str, str]
) -> str:  # fmt: skip
    if given is None and sys.stdin.isatty() and sys.stdout.isatty():
        click.echo(f"\n{question}")
        for option, means in _options(name, kind, default, before):
            click.echo(f"  {option:<16}{means}")
        given = str(click.prompt(" ", default=default, prompt_suffix=""))
    words = [word.strip() for word in (given or default).split(",")]
    unknown = [word for word in words if word not in list(kind)]
    if unknown or (len(words) > 1 and name != "stakeholders"):
        raise click.UsageError(f"{name}: {(unknown or words)[0]!r} is not one of {', '.join(kind)}")
    return ", ".join(words)


def _options(
    name: str, kind: type[StrEnum], default: str, before: dict[str, str]
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Each possible answer, and what it would change in the plan: from the plans themselves."""
    from pilotage.model.answers import Answers
    from pilotage.plan.difference import contrast
    from pilotage.plan.making import make_plan

    so_far = {question: before.get(question, proposed) for question, _, proposed, _ in _QUESTIONS}
    several = {**so_far, "stakeholders": so_far["stakeholders"].split(", ")}

    def plan_with(answer: str) -> Plan:
        return make_plan(Answers(**{**several, name: answer}), version="next")  # type: ignore[arg-type]

    proposed = plan_with(default)
    for option in kind:
        means = contrast(proposed, plan_with(option))
        yield option, "proposed" if option == default else means or "no other steps or limits"


def _template(service: str, answers: dict[str, str], command: list[str], listen: str) -> str:
    import json

    return f"""\
# yaml-language-server: $schema=.pilotage/pilotage.schema.json
# What Pilotage needs to know of this service. `pilotage validate` checks it, `pilotage schema` describes it.
service: {service}

# The six answers; with them `pilotage plan VERSION` works out everything else.
answers:
  release_type: {answers["release_type"]}
  deployment_strategy: {answers["deployment_strategy"]}
  team_size: {answers["team_size"]}
  release_frequency: {answers["release_frequency"]}
  risk_tolerance: {answers["risk_tolerance"]}
  stakeholders: [{answers["stakeholders"]}]

environments:
  production:
    # Instances are processes on this machine: an argument list (no shell), with a free port and the version filled in.
    fleet:
      kind: process
      command: {json.dumps(command)}
      count: 2
      health: /healthz          # answers 2xx when the instance is well
    # Users reach the service through an embedded Envoy. It gives each a cookie, so that they stay on their version.
    router:
      kind: envoy
      listen: "{listen}"
      sticky: {{cookie: pilotage_user}}   # a name that the application itself does not use
    # Requests, errors and latencies as that Envoy counts them.
    metrics: {{kind: envoy}}
    # What counts as an error of users; without it 5xx alone, and a page that went missing does not count.
    # errors: [5xx, 404]
    # Critical functions, tried at each instance of both versions while a release is watched.
    # probes: [{{http: /login, contains: Sign in}}]
    # Any number of the plan may be set here by its path; `pilotage plan` shows them all, each with its source.
    overrides: {{}}
      # canary.phase_duration: 30m
      # canary.weights: [1%, 10%, 50%, 100%]
"""


@click.command()
@click.pass_obj
def validate(project: Project) -> None:
    """Check pilotage.yaml and that a plan can be made of it; every error at once, with line and column."""
    from pilotage.app.plan import Wish, plan_for

    for environment in project.loaded.configuration.environments:
        plan = plan_for(project.loaded, environment, Wish("0.0.0"))
        if project.loaded.configuration.readiness is not None:
            from pilotage.app.readiness.assessment import check_items

            check_items(project.loaded, plan)
    click.echo(f"{project.config} is valid")


@click.command()
@click.argument("of", type=click.Choice(["configuration", "plan", "events"]), default="configuration")
def schema(of: str) -> None:
    """Print the JSON Schema of pilotage.yaml, for editors, or that of a plan or of events."""
    if of == "plan":
        import json

        from pilotage.model.plan import Plan

        click.echo(json.dumps(Plan.json_schema(), indent=2))
        return
    if of == "events":
        import json

        from pilotage.model.events import schemas

        click.echo(json.dumps(schemas(), indent=2))
        return
    from pilotage.config.loading import json_schema

    click.echo(json_schema(), nl=False)


@click.command()
@environment_option
@json_option
@click.pass_obj
def doctor(project: Project, environment: str | None, as_json: bool) -> None:
    """Check this machine, this configuration and its channels; exit 9 when something is missing, with what to do."""
    import json

    from pilotage.cli.checkup import examine

    findings = examine(project, environment)
    if as_json:
        click.echo(json.dumps({"schema": 1, "findings": [vars(f) for f in findings]}, indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.result:<5} {finding.what}: {finding.sentence}")
    raise SystemExit(9 if any(f.result == "FAIL" for f in findings) else 0)
