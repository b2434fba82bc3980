"""`adopt`, and what commands say of an environment whose processes run elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pilotage.cli.project import Project

if TYPE_CHECKING:
    from pilotage.engine.places import Home


@click.command()
@click.argument("environment", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while a worker is at work where the environment runs now.")
@click.pass_obj
def adopt(project: Project, environment: str | None, yes: bool, force: bool) -> None:
    """Make this folder the home of ENVIRONMENT: the worker here runs it from now on.

    What runs at the old place is not touched. Stop it there first (`pilotage down`), or users may reach both.
    """
    from pilotage.engine import leases, places

    service, name = project.place(environment)
    home = places.home_of(project.store.engine, project.directory, service, name)
    if home is None or home.is_here:
        click.echo(f"{service} in {name} is at home here")
        return
    if not force and leases.held_by(project.store.engine, f"{service}/{name}"):
        click.echo(f"{name} {home.in_words}: stop its worker there first (`pilotage down`), or say --force", err=True)
        raise SystemExit(7)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{name} {home.in_words}: say --yes to move it here")
        click.echo(f"{name} {home.in_words}. Its processes there are not touched: they go on serving users.")
        click.confirm("Start it here from now on?", abort=True)
    try:
        before = places.adopt(project.store.engine, project.directory, service, name, force=force)
    except places.StillAlive as alive:
        click.echo(str(alive), err=True)
        raise SystemExit(7) from None
    project.ensure_worker()
    click.echo(f"{name} is at home here; what {before.name} started is not touched")


def home_elsewhere(project: Project, service: str, environment: str) -> Home | None:
    """Where the environment runs, if that is not here."""
    from pilotage.engine.places import home_of

    home = home_of(project.store.engine, project.directory, service, environment)
    return None if home is None or home.is_here else home


def keep_up(project: Project, service: str, environment: str) -> None:
    """What serves, by the record, is to serve: after `down` nothing does, until a worker starts it again."""
    from pilotage.engine.location import router_runs

    stopped = not router_runs(project.directory, service, environment)
    if see_to(project, service, environment) and stopped and home_elsewhere(project, service, environment) is None:
        click.echo("nothing of it runs at present: it is started again", err=True)


def see_to(project: Project, service: str, environment: str) -> bool:
    """See that a worker takes up what was written down: the one here, or else say whose it is. Returns whether a worker
    is there to do it."""
    home = home_elsewhere(project, service, environment)
    if home is None:
        project.ensure_worker()
        return True
    if home.is_silent:
        nothing = f"nothing happens until a worker is back there, or `pilotage adopt {environment}` moves it here"
        click.echo(f"{environment} {home.in_words}: {nothing}", err=True)
        return False
    click.echo(f"{environment} {home.in_words}: its worker takes this up", err=True)
    return True
