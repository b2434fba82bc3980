"""`phase`: the phases of a scheduled release as people work through them, and its feature freeze."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option, said
from pilotage.cli.wishes import Wished, wish_of, wish_options
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.app.feature_freeze import FreezeCheck

_NOT_READY = 3


@click.group()
def phase() -> None:
    """Track the phases of a scheduled release: who does what by when, what is done, when it can be out.

    Continuous releases have no phases.
    """


@phase.command()
@click.argument("version")
@environment_option
@wish_options
@click.pass_obj
def track(project: Project, /, version: str, environment: str | None, **wished: Unpack[Wished]) -> None:
    """Track the phases of VERSION, planned for --date.

    The worker reminds owners of what is overdue, once a day. `ready` shows it. Run it again to move the dates.
    """
    from pilotage.app.activities import track as follow
    from pilotage.app.known_risk import planned

    plan = planned(project, project.environment(environment), wish_of(project, version, **wished))
    release = follow(project, project.actor, plan)
    project.ensure_worker()
    click.echo(
        f"{len(release.items)} activities and milestones of {version} are tracked until {release.release_date}; "
        f"see `pilotage phase list {version} -e {release.environment}`"
    )


@phase.command("list")
@click.argument("version", required=False)
@environment_option
@click.option("--all", "everything", is_flag=True, help="Include what is done, and say why.")
@click.option(
    "--ics", type=click.Path(path_type=Path, dir_okay=False), help="Write VERSION's to this file, as calendar tasks."
)
@json_option
@click.pass_obj
def show_all(
    project: Project, version: str | None, environment: str | None, everything: bool, ics: Path | None, as_json: bool
) -> None:
    """List what is open in VERSION, and forecast its release date.

    Without VERSION, one line for each tracked release.
    """
    from pilotage.app.activities import all_tracked, tracked_here
    from pilotage.app.phase_facts import refreshed
    from pilotage.cli import phase_output as printed

    if ics is not None and not version:
        raise click.UsageError("--ics needs a VERSION")
    known = (tracked_here(project, environment, version),) if version else all_tracked(project, environment)
    found = tuple(refreshed(project.loaded, project.store, one) for one in known)
    if ics is not None:
        printed.write_tasks(project, found[0], ics)
    elif as_json:
        from pilotage.app.phase_output import release_output
        from pilotage.cli.output import show_json
        from pilotage.model.output.phases import PhasesOutput

        show_json(PhasesOutput(releases=tuple(release_output(project, one) for one in found)))
    elif version:
        printed.show_release(project, found[0], everything)
    else:
        printed.show_releases(project, found)


@phase.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@click.argument("version")
@environment_option
@click.option("--to", "person", required=True, callback=said, help="Person who does it.")
@click.pass_obj
def assign(project: Project, items: tuple[str, ...], version: str, environment: str | None, person: str) -> None:
    """Assign ITEM to a person.

    ITEM is an activity, a milestone or a whole phase.
    """
    from pilotage.app.activities import WorkRequest
    from pilotage.app.activities import assign as give

    request = WorkRequest(version=version, names=items, environment=environment)
    for item in give(project, project.actor, request, person):
        click.echo(f"{item.id}: {person} until {item.due}")


@phase.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@click.argument("version")
@environment_option
@click.option("-m", "--reason", "note", required=True, callback=said, help="Why it is done. Kept with it.")
@click.option("--decision", type=click.Choice(["go", "no-go"]), help="Of go_no_go_decision: whether to go ahead.")
@click.pass_obj
def done(
    project: Project, items: tuple[str, ...], version: str, environment: str | None, note: str, decision: str | None
) -> None:
    """Record that ITEM is done.

    ITEM is an activity, a milestone, or a phase: all in it that people decide. What a readiness item decides is done
    when that item is ready.
    """
    from pilotage.app.activities import WorkRequest, finish

    go = None if decision is None else decision == "go"
    request = WorkRequest(version=version, names=items, environment=environment, note=note, go=go)
    for item in finish(project, project.actor, request):
        click.echo(f"{item.id}: {decision or 'done'} by {project.actor}: {note}")


@phase.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@click.argument("version")
@environment_option
@click.option("-m", "--reason", "note", required=True, callback=said, help="Why it is open again. Kept with it.")
@click.pass_obj
def reopen(project: Project, items: tuple[str, ...], version: str, environment: str | None, note: str) -> None:
    """Record that ITEM is not done after all.

    Reopening feature_freeze lifts the freeze.
    """
    from pilotage.app.activities import WorkRequest
    from pilotage.app.activities import reopen as open_again

    request = WorkRequest(version=version, names=items, environment=environment, note=note)
    for item in open_again(project, project.actor, request):
        click.echo(f"{item.id} is open again: {note}")


@phase.command()
@click.argument("version")
@environment_option
@click.option("-m", "--reason", "note", required=True, callback=said, help="Why. Kept with the release.")
@click.pass_obj
def drop(project: Project, version: str, environment: str | None, note: str) -> None:
    """Stop tracking VERSION: no more reminders, and no freeze."""
    from pilotage.app.activities import WorkRequest
    from pilotage.app.activities import drop as leave

    leave(project, project.actor, WorkRequest(version=version, names=(), environment=environment, note=note))
    click.echo(f"{version} is no longer tracked: {note}")


@phase.command()
@click.argument("revisions", metavar="A..B", required=False)
@environment_option
@click.option("--pre-receive", is_flag=True, help="Check what a push brings: read the lines of git's hook.")
@click.option(
    "--repository", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Repository of the commits. Default: the project's; with --pre-receive, the current folder.",
)  # fmt: skip
@click.pass_obj
def check(
    project: Project, revisions: str | None, environment: str | None, pre_receive: bool, repository: Path | None
) -> None:
    """Refuse commits after a feature freeze (exit 3).

    It refuses every type that `phases.freeze_allows` does not list. A commit whose message has the line
    `Emergency: REASON` passes. Hotfixes never freeze.
    """
    from pilotage.app.feature_freeze import check_pushes, check_range, pushes_of

    if bool(revisions) == pre_receive:
        raise click.UsageError("give either A..B or --pre-receive")
    place = repository or (Path.cwd() if pre_receive else project.folder)
    if pre_receive:
        found = check_pushes(project, place, pushes_of(sys.stdin.read()), environment)
    else:
        first, dots, last = (revisions or "").partition("..")
        if not dots or not first:
            raise click.UsageError(f"{revisions!r} is not a range such as origin/main..HEAD")
        found = check_range(project, place, first, last or "HEAD", environment)
    _say(found)
    if found.refused:
        raise SystemExit(_NOT_READY)


def _say(found: FreezeCheck) -> None:
    for line in (found.note, *found.frozen, *found.let_in):
        if line:
            click.echo(line)
    for one in found.refused:
        click.echo(f"pilotage: {one.commit} {one.subject}: {one.why}", err=True)
    if found.refused:
        click.echo(
            "pilotage: wait until the release is out, or add the line `Emergency: REASON` to the commit's message",
            err=True,
        )
    elif found.frozen:
        click.echo(f"{counted(found.commits, 'commit')} may enter")
