"""`retro` and `followup`: the fact sheet of a retrospective, and its follow-up actions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.days import Day
from pilotage.cli.options import NUMBER, environment_option, json_option, said
from pilotage.cli.report import day_of, since_option, until_option
from pilotage.cli.report_output import form_options, show

if TYPE_CHECKING:
    from pilotage.model.followup import FollowUp


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
    """Write the fact sheet of a retrospective: what happened, targets, surprises, agenda, open actions.

    Without -e, several environments are compared in one table.
    """
    if every := project.all_of(environment):
        from pilotage.app.overviews import period_overview

        show(period_overview(project, every, since, day_of(until), "retro"), form, output)
        return
    from pilotage.app.retrospectives import retrospective

    show(retrospective(project, environment, since, day_of(until)), form, output)


FIGURES = (
    "deployment-frequency", "change-lead-time", "change-fail-rate", "failed-deployment-recovery-time",
    "deployment-rework-rate",
)  # fmt: skip


@click.group()
def followup() -> None:
    """Track follow-up actions from retrospectives.

    An overdue follow-up blocks the next release where readiness is enforced.
    """


@followup.command()
@click.argument("description", callback=said)
@click.option("--owner", required=True, callback=said, help="Person who does it.")
@click.option("--due", required=True, type=Day(), help="Due date.")
@click.option("--criterion", required=True, callback=said, help="How to tell that it is done.")
@click.option(
    "--priority", type=click.Choice(["high", "medium", "low"]), default="medium", show_default=True, help="Priority."
)
@click.option("--release", default="", help="Version or rollout that caused it.")
@click.option("--figure", type=click.Choice(FIGURES), help="DORA metric that it is to improve; measured each month.")
@click.pass_obj
def add(
    project: Project, description: str, owner: str, due: datetime, criterion: str, priority: str, release: str,
    figure: str | None,
) -> None:  # fmt: skip
    """Add a follow-up."""
    from pilotage.app.followups import add_followup
    from pilotage.model.followup import FollowUp

    made = FollowUp(0, description, owner, due.date().isoformat(), criterion, priority, release, figure=figure or "")
    number = add_followup(project, project.actor, made)
    click.echo(f"follow-up {number}: {owner} until {made.due}")


@followup.command()
@click.argument("cadence", type=click.Choice(["weekly", "monthly", "quarterly", "yearly"]))
@form_options
@click.pass_obj
def report(project: Project, cadence: str, form: str | None, output: Path | None) -> None:
    """Write what the worker sends about follow-ups.

    weekly: all of them, and what was done · monthly: their effect · quarterly: whether the process works · yearly: what
    to improve next. All but weekly are about the period that ended last.
    """
    from pilotage.app.followup_looks import look_report

    show(look_report(project, cadence), form, output)


@followup.command()
@click.argument("number", type=NUMBER)
@click.option("--outcome", required=True, callback=said, help="Result of the follow-up.")
@click.pass_obj
def done(project: Project, number: int, outcome: str) -> None:
    """Close follow-up NUMBER."""
    from pilotage.app.followups import finish

    finish(project, project.actor, number, outcome)
    click.echo(f"follow-up {number} is done: {outcome}")


@followup.command("list")
@click.option("--all", "everything", is_flag=True, help="Include closed follow-ups.")
@json_option
@click.pass_obj
def show_all(project: Project, everything: bool, as_json: bool) -> None:
    """List open follow-ups by due date."""
    from pilotage.app.followups import actions_here

    found = actions_here(project, open_only=not everything)
    today = project.today.isoformat()
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import FollowUpOutput, FollowUpsOutput

        items = tuple(FollowUpOutput(**vars(one), overdue=one.overdue(today)) for one in found)
        show_json(FollowUpsOutput(followups=items))
        return
    from pilotage.cli.plain_table import show_table

    rows = [(str(a.id), a.description, a.owner, a.due, _state(a, today), a.priority, a.criterion) for a in found]
    show_table(("follow-up", "what", "owner", "due", "state", "priority", "done when"), rows)


def _state(one: FollowUp, today: str) -> str:
    if one.done:
        return f"done {one.done}"
    return "overdue" if one.overdue(today) else "open"


@followup.command()
@click.option(
    "--ics",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the follow-ups to this file, as calendar tasks.",
)
@click.option(
    "--issues", type=click.Choice(["github", "gitlab"]), help="Open an issue for each follow-up that has none."
)
@click.option("--project", "place", help="With --issues: owner/name, or the project's path on GitLab.")
@click.option("--token", help="With --issues: reference to the access token, such as secret://env/GITHUB_TOKEN.")
@click.option("--url", help="With --issues: address of a self-hosted server.")
@click.option(
    "--allow-private-network", "private", is_flag=True, help="With --url: allow an address in a private network."
)
@click.pass_obj
def export(
    project: Project, ics: Path | None, issues: str | None, place: str | None, token: str | None, url: str | None,
    private: bool,
) -> None:  # fmt: skip
    """Export open follow-ups to a calendar or an issue tracker."""
    from pilotage.app.followups import actions_here

    found = actions_here(project, open_only=True)
    if ics is None and issues is None:
        raise click.UsageError("give --ics FILE, or --issues github --project owner/name --token secret://env/NAME")
    if ics is not None:
        from pilotage.app.output import write_file
        from pilotage.render.tasks import to_tasks

        write_file(ics, to_tasks(project.loaded.configuration.service, found, project.moment))
        click.echo(f"written: {ics}", err=True)
    if issues is not None:
        _open_issues(project, issues, place, token, url, private=private)


def _open_issues(
    project: Project, kind: str, place: str | None, token: str | None, url: str | None, *, private: bool
) -> None:
    from pilotage.app.followups import Tracker, open_issues, token_of

    if not place or not token:
        raise click.UsageError("--issues needs --project and --token, such as --token secret://env/GITHUB_TOKEN")
    if not token.startswith("secret://"):
        # It may be the token itself, so it is not repeated.
        raise click.UsageError("--token must be a reference to the token, such as secret://env/GITHUB_TOKEN")
    tracker = Tracker(kind=kind, project=place, token=token_of(project, token), url=url, private=private)
    for number, address in open_issues(project, tracker):
        click.echo(f"follow-up {number}: {address}")
