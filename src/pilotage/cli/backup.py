"""`pilotage backup`: make a backup of an environment's database, try it out, restore it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option

if TYPE_CHECKING:
    from pilotage.model.backup import Backup


@click.group()
def backup() -> None:
    """Back up an environment's database, prove that the backup restores, and restore it."""


@backup.command("make")
@environment_option
@click.option("--verify/--no-verify", default=True, help="Restore it into a scratch database and compare. Default: on.")
@json_option
@click.pass_obj
def make_one(project: Project, environment: str | None, verify: bool, as_json: bool) -> None:
    """Dump the database and prove that the dump restores.

    Restores it into a scratch database and compares every table. The application can keep writing.

    Exits with 3 if the backup does not restore.
    """
    from pilotage.app.backups import make_backup

    _tell(make_backup(project, project.actor, environment, verify=verify), as_json=as_json)


@backup.command("verify")
@click.argument("identity", metavar="[ID]", required=False)
@environment_option
@json_option
@click.pass_obj
def verify_one(project: Project, identity: str | None, environment: str | None, as_json: bool) -> None:
    """Restore a backup elsewhere and compare every table.

    Takes the newest backup unless you name one, and a scratch database of its own.

    Exits with 3 if it does not restore.
    """
    from pilotage.app.backups import verify_backup

    _tell(verify_backup(project, project.actor, environment, identity), as_json=as_json)


@backup.command("restore")
@click.argument("identity", metavar="ID")
@environment_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--discard-present", is_flag=True, help="Make no backup of the data that is replaced.")
@click.pass_obj
def restore_one(project: Project, identity: str, environment: str | None, yes: bool, discard_present: bool) -> None:
    """Replace everything in the database by a backup.

    Stop the service first. What is replaced is backed up before. The restore is one transaction: if anything
    fails, the database stays as it is.
    """
    from pilotage.app.backups import restore_backup

    place = project.environment(environment)
    if not yes:
        click.confirm(f"Replace all data of {place} by backup {identity}?", abort=True)
    found, seconds, replaced = restore_backup(
        project, project.actor, place, identity, keep_replaced=not discard_present
    )
    click.echo(f"restored backup {found.id}: {found.contents.rows} rows in {seconds:.1f} s, compared")
    if replaced is not None:
        click.echo(f"what it replaced is backup {replaced.id}")


@backup.command("list")
@environment_option
@json_option
@click.pass_obj
def list_all(project: Project, environment: str | None, as_json: bool) -> None:
    """List backups, newest first."""
    from pilotage.app.backups import known_backups

    every = known_backups(project.loaded, project.environment(environment))
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.backups import BackupsOutput
        from pilotage.render.backups import output_of

        show_json(BackupsOutput(backups=tuple(output_of(one) for one in every)))
        return
    from pilotage.render.backups import TITLES, row_of
    from pilotage.render.plain_table import lines_of

    if not every:
        click.echo("no backup yet: run `pilotage backup make`")
        return
    for line in lines_of(TITLES, [row_of(one) for one in every], ("ROWS", "BYTES")):
        click.echo(line)


def _tell(one: Backup, *, as_json: bool) -> None:
    from pilotage.render.backups import in_words, output_of

    if as_json:
        from pilotage.cli.output import show_json

        show_json(output_of(one))
    else:
        click.echo(in_words(one))
    raise SystemExit(3 if one.tried is not None and one.tried.problem else 0)
