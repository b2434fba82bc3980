"""`retro` and `action`: looking back with facts, and what is done about it."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.project import Project, environment_option, json_option, said
from pilotage.cli.reporting import gathered, plain, since_option, until_option
from pilotage.cli.showing import form_options, show

if TYPE_CHECKING:
    from pilotage.report.retro import Action


@click.command()
@environment_option
@since_option
@until_option
@form_options
@click.pass_obj
def retro(
    project: Project, environment: str | None, since: str, until: datetime | None, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """The fact sheet of a retrospective: what happened, against targets, surprises, the agenda, the actions."""
    from pilotage.app.followups import actions_of
    from pilotage.app.plan import Wish, plan_for
    from pilotage.report.retro import Facts, fact_sheet

    name = project.environment(environment)
    period = gathered(project, name, since, until)
    service = project.loaded.configuration.service
    plan = plan_for(project.loaded, name, Wish("next"))
    facts = Facts(
        service, name, period.span, period.dora, period.told, actions_of(project.store.engine, service), None,
        project.today.isoformat(),
    )  # fmt: skip
    document = fact_sheet(facts, plan.retrospective)
    show(document, {"schema": 1, "retrospective": plain(document)}, form, output)


@click.group()
def action() -> None:
    """What retrospectives resolved to do: it is followed up, and gates the next release while it is overdue."""


@action.command()
@click.argument("description", callback=said)
@click.option("--owner", required=True, callback=said, help="Who does it.")
@click.option("--due", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Until when.")
@click.option("--criterion", required=True, callback=said, help="What will be so when it is done.")
@click.option("--priority", type=click.Choice(["high", "medium", "low"]), default="medium", show_default=True)
@click.option("--release", default="", help="The version or rollout that it came from.")
@click.pass_obj
def add(
    project: Project, description: str, owner: str, due: datetime, criterion: str, priority: str, release: str
) -> None:
    """Resolve to do DESCRIPTION."""
    from pilotage.app.followups import add as keep
    from pilotage.report.retro import Action

    channels = [channel.model_dump(mode="json") for channel in project.loaded.configuration.notify]
    made = Action(0, description, owner, due.date().isoformat(), criterion, priority, release)
    service, now = project.loaded.configuration.service, project.clock.now()
    number = keep(project.store.engine, service, made, channels, project.actor, now)
    click.echo(f"action {number}: {owner} until {made.due}")


@action.command()
@click.argument("number", type=int)
@click.option("--outcome", required=True, callback=said, help="What came of it.")
@click.pass_obj
def done(project: Project, number: int, outcome: str) -> None:
    """Action NUMBER is done."""
    from pilotage.app.followups import done as finish

    service, now = project.loaded.configuration.service, project.clock.now()
    finish(project.store.engine, service, number, outcome, project.actor, now)
    click.echo(f"action {number} is done: {outcome}")


@action.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are done.")
@json_option
@click.pass_obj
def show_all(project: Project, everything: bool, as_json: bool) -> None:
    """Actions in the order in which they are due."""
    from pilotage.app.followups import actions_of

    found = actions_of(project.store.engine, project.loaded.configuration.service, open_only=not everything)
    today = project.today.isoformat()
    if as_json:
        items = [{**vars(a), "overdue": a.overdue(today)} for a in found]
        click.echo(json.dumps({"schema": 1, "actions": items}, indent=2, ensure_ascii=False))
        return
    from pilotage.cli.edge import console
    from pilotage.cli.showing import table

    rows = [(str(a.id), a.description, a.owner, a.due, _state(a, today), a.priority, a.criterion) for a in found]
    console().print(table(("action", "what", "owner", "due", "state", "priority", "done when"), rows))


def _state(one: Action, today: str) -> str:
    if one.done:
        return f"done {one.done}"
    return "overdue" if one.overdue(today) else "open"


@action.command()
@click.option("--ics", type=click.Path(path_type=Path, dir_okay=False), help="Write them as tasks of a calendar there.")
@click.option("--issues", type=click.Choice(["github", "gitlab"]), help="Open an issue for each that has none yet.")
@click.option("--project", "place", help="With --issues: owner/name, or GitLab's path.")
@click.option("--token", help="With --issues: the environment variable that holds the token.")
@click.option("--url", help="With --issues: of a host of your own.")
@click.option("--private", is_flag=True, help="That host may have a private address.")
@click.pass_obj
def export(
    project: Project, ics: Path | None, issues: str | None, place: str | None, token: str | None, url: str | None,
    private: bool,
) -> None:  # fmt: skip
    """Open actions as tasks of a calendar, or as issues of a tracker."""
    from pilotage.app.followups import actions_of

    found = actions_of(project.store.engine, project.loaded.configuration.service, open_only=True)
    if ics is None and issues is None:
        raise click.UsageError("say --ics FILE, or --issues github --project owner/name --token VARIABLE")
    if ics is not None:
        from pilotage.adapters.files import write_durably
        from pilotage.render.tasks import to_tasks

        write_durably(ics, to_tasks(project.loaded.configuration.service, found, project.moment), shared=True)
        click.echo(f"written: {ics}", err=True)
    if issues is not None:
        _open_issues(project, found, issues, place, token, url, private=private)


def _open_issues(
    project: Project, found: Any, kind: str, place: str | None, token: str | None, url: str | None, *, private: bool
) -> None:
    from pilotage.app.followups import exported, to_issue

    secret = os.environ.get(token or "", "")
    if not place or not secret:
        raise click.UsageError("--issues needs --project, and --token with the name of a variable that holds one")
    for one in found:
        if one.issue:
            continue
        address = to_issue(kind, place, url, secret, one, private=private)
        exported(project.store.engine, one.id, address)
        click.echo(f"action {one.id}: {address}")
