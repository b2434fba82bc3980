"""`pilotage store`: back up, verify and restore Pilotage's own records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option

if TYPE_CHECKING:
    from pilotage.model.store_backup import Manifest

_NEXT = "next: start the worker and the server again, then see `pilotage status`"
_NEXT_ACCEPT = "next: accept the records as above; meanwhile the worker and the server may run again and leave it alone"

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def store() -> None:
    """Back up Pilotage's own records: rollouts, events, sign-offs, keys.

    `pilotage backup` is about the database of your service.
    """


@store.command("backup")
@_FILE
@click.option("--keep", type=click.IntRange(min=1), help="Of a folder: keep this many backups. Default: all.")
@json_option
@click.pass_obj
def back_up(project: Project, file: Path, keep: int | None, as_json: bool) -> None:
    """Write all records, keys and built artifacts into one file.

    Workers and servers go on meanwhile. If FILE is a folder, the backup gets a name with the time.

    The file holds the key that signs records, and is readable only by you. Secrets that pilotage.yaml refers to are
    not in it.
    """
    from pilotage.app.store_backups import back_up_store

    if keep is not None and not file.is_dir():
        raise click.UsageError(f"--keep needs a folder, and {file} is none")
    made = back_up_store(project, project.actor, file, keep)
    if as_json:
        _show(made.manifest, made.path)
        return
    click.echo(f"{made.path}: {_said(made.manifest)}, {made.size:,} bytes")
    for old in made.removed:
        click.echo(f"removed {old}")


@store.command("verify")
@_FILE
@json_option
@click.pass_obj
def verify(project: Project, file: Path, as_json: bool) -> None:
    """Restore a backup into a folder of its own and verify every record.

    Changes nothing. Exits with 2 if the file is damaged, and with 1 if a record was changed before it was backed up.
    """
    from pilotage.app.store_backups import verify_store_backup

    found = verify_store_backup(project, file)
    if as_json:
        _show(found.manifest, file, found.changed)
    else:
        click.echo(f"{file}: {_said(found.manifest)}; {found.rollouts} rollouts and {found.events} events verified")
    for sentence in found.changed:
        click.echo(sentence, err=True)
    raise SystemExit(1 if found.changed else 0)


@store.command("restore")
@_FILE
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Replace records that are there, or restore changed ones.")
@click.pass_obj
def restore(project: Project, file: Path, yes: bool, force: bool) -> None:
    """Replace Pilotage's own records by a backup.

    Stop the worker and the server first. The file is verified before anything changes. With PILOTAGE_DATABASE set, the
    backup goes there, also one that was made of SQLite.
    """
    from pilotage.app.store_backups import restore_store

    if not yes:
        click.confirm(f"Replace all of Pilotage's records by {file}?", abort=True)
    done = restore_store(project, project.actor, file, force=force)
    found = done.checked
    click.echo(f"restored {_said(found.manifest)}; {found.rollouts} rollouts and {found.events} events verified")
    if done.aside:
        click.echo(f"what it replaced is in {done.aside}")
    for sentence in (*done.elsewhere, *done.now):
        click.echo(sentence)
    click.echo(_NEXT_ACCEPT if done.accept else _NEXT)


@store.command("accept")
@environment_option
@click.option("--reason", default="", help="Why; kept in the records.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def accept(project: Project, environment: str | None, reason: str, yes: bool) -> None:
    """Go on from records that are older than what was done.

    After a restore, Pilotage leaves an environment as it finds it if more was done there than the records say. This
    shows what they lack. If you confirm, Pilotage starts and keeps what they say.
    """
    from pilotage.app.setbacks import accept as accept_records
    from pilotage.app.setbacks import left_alone

    found = left_alone(project, environment)
    if not found:
        click.echo("the records are not older than what was done: there is nothing to accept")
        return
    for one in found:
        serves = ", ".join(project.store.serving(one.service, one.environment)[:1]) or "nothing"
        click.echo(f"{one.service} in {one.environment}: {one.sentence.partition('; Pilotage')[0]}")
        click.echo(f"  the records say that {serves} serves")
    if not yes:
        click.confirm("Go on from these records?", abort=True)
    accept_records(project, project.actor, found, reason)
    click.echo(f"accepted for {', '.join(f'{one.service}/{one.environment}' for one in found)}")
    click.echo("the worker now starts and keeps what they say; `pilotage status` shows it")


def _said(manifest: Manifest) -> str:
    from pilotage.model.timestamp import timestamp

    tables = f"{manifest.rows} rows of {len(manifest.tables)} tables and {len(manifest.files)} files"
    return f"{tables}, as of {timestamp(manifest.made_at)} on {manifest.place}"


def _show(manifest: Manifest, file: Path, changed: tuple[str, ...] = ()) -> None:
    from pilotage.cli.output import show_json
    from pilotage.render.backups import store_output_of

    show_json(store_output_of(manifest, str(file), changed))
