"""`adopt`: move an environment to this folder."""

from __future__ import annotations

import sys

import click

from pilotage.app.project import Project


@click.command()
@click.argument("environment", required=False)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--force", is_flag=True, help="Move it even if the worker at its current place is running.")
@click.pass_obj
def adopt(project: Project, environment: str | None, yes: bool, force: bool) -> None:
    """Move ENVIRONMENT to this folder: the worker here runs it from now on.

    Processes at the old place keep running. Stop them first with `pilotage down` there, or users may reach both.
    """
    from pilotage.app import homes

    service, name = project.place(environment)
    home = homes.may_adopt(project, service, name, force=force)
    if home is None:
        click.echo(f"{service} in {name} already runs here")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{name} {home.in_words}: confirm with --yes to move it here")
        click.echo(f"{name} {home.in_words}. Its processes there keep running and serving users.")
        click.confirm("Run it here from now on?", abort=True)
    before = homes.adopt(project, project.actor, service, name, force=force)
    click.echo(f"{name} runs here now; processes that {before} started keep running")
