"""`audit`: the log of all changes; bundles of evidence, verified offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.audit_filter import filter_options
from pilotage.cli.exit import UNVERIFIABLE
from pilotage.cli.options import json_option, key_option
from pilotage.model.text import clean

if TYPE_CHECKING:
    from pilotage.app.incident_audit import IncidentAudit
    from pilotage.app.readiness.audit import Audit
    from pilotage.model.audit import Filter


@click.group()
def audit() -> None:
    """Show and verify the log of all changes; verify bundles of evidence."""


@audit.command("log")
@filter_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@json_option
@click.pass_obj
def log_rows(project: Project, wanted: Filter, limit: int, as_json: bool) -> None:
    """List who changed what, and what it was before and after."""
    from pilotage.cli.audit_output import show_rows

    show_rows(project, wanted, limit, as_json=as_json)


@audit.command("export")
@filter_options
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True,
    help="JSON lines with hashes, or CSV for spreadsheets.",
)  # fmt: skip
@click.pass_obj
def export_rows(project: Project, wanted: Filter, form: str) -> None:
    """Write all rows to standard output, oldest first."""
    from pilotage.app.audit_log import csv_lines, json_lines

    lines = (csv_lines if form == "csv" else json_lines)(project, project.actor, wanted)
    for text in lines:
        click.echo(text, nl=False)


@audit.command("head")
@click.pass_obj
def show_head(project: Project) -> None:
    """Print the log's signed head, to keep outside."""
    from pilotage.app.audit_log import signed_head

    if (line := signed_head(project, project.actor)) is None:
        click.echo("nothing was changed yet", err=True)
        return
    click.echo(line)


@audit.command("verify")
@click.argument(
    "path", metavar="[FILE]", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)  # fmt: skip
@click.option(
    "--anchor", "anchors", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with signed heads from outside, such as `audit head` prints.",
)  # fmt: skip
@click.option(
    "--artifact",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare this file with the digest in the bundle.",
)
@key_option
@json_option
@click.pass_obj
def verify_bundle(
    project: Project, path: Path | None, anchors: tuple[Path, ...], artifact: Path | None, keys: tuple[Path, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Verify the log of all changes, or the bundle in FILE.

    Without FILE: verifies every row of the log, the signed heads in the store, and those at the anchors. The first bad
    row is named. Exits 1 if a row was changed or is missing, 10 if something could not be checked.

    With FILE, made by `ready --bundle` or `incident --bundle`: verifies signature and digests, reads every report again
    and decides every gate again. Needs no network, no configuration and no store. Use --key to name the public key of
    the expected signer. Without it, the keys of this state folder are trusted. Exits 1 if anything was changed, 2 if
    FILE is not a bundle, 3 if the release was not ready, and 10 if no known key signed it.
    """
    if path is None:
        from pilotage.cli.audit_output import show_verification

        raise SystemExit(show_verification(project, keys, anchors, as_json=as_json))
    from pilotage.app.incident_audit import verify_incident
    from pilotage.app.keys import trusted_keys
    from pilotage.app.readiness.audit import verify
    from pilotage.cli.output import show_json
    from pilotage.model.output.readiness import AuditOutput
    from pilotage.model.readiness import BadBundle

    try:
        if (incident := verify_incident(path, keys=trusted_keys(project, keys), strict=bool(keys))) is not None:
            raise SystemExit(_show_incident(incident, as_json))
        found = verify(path, artifact, keys=trusted_keys(project, keys), strict=bool(keys))
    except BadBundle as error:
        words = clean(str(error))
        if as_json:
            show_json(AuditOutput(intact=False, faults=(words,)))
        else:
            click.echo(words)
        raise SystemExit(error.exit_status) from None
    _show_audit(found, as_json)
    unsure = 0 if found.known else UNVERIFIABLE
    raise SystemExit(1 if found.faults else 3 if not found.readiness.ready else unsure)


def _show_incident(found: IncidentAudit, as_json: bool) -> int:
    """Returns the exit status."""
    faults = tuple(clean(fault) for fault in found.faults)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.readiness import AuditOutput

        show_json(AuditOutput(
            intact=not faults, faults=faults, sha256=found.sha256, files=found.files, key_id=found.key or None,
            key_known=found.known,
        ))  # fmt: skip
    else:
        for fault in faults:
            click.echo(f"✗ {fault}")
        if not faults:
            click.echo(f"complete: {found.files} files unchanged, {found.events} events in one chain, plan as executed")
        signed = f"signed with the {'known' if found.known else 'unknown'} key {found.key}" if found.key else "unsigned"
        click.echo(f"{signed}\n{clean(found.sentence)}\nrollout {clean(found.rollout)}\nSHA-256 {found.sha256}")
    return 1 if faults else 0 if found.known else UNVERIFIABLE


def _show_audit(found: Audit, as_json: bool) -> None:
    from pilotage.render.readiness import headline

    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.readiness import AuditOutput

        show_json(
            AuditOutput(
                intact=not found.faults,
                faults=tuple(clean(fault) for fault in found.faults),
                ready=found.readiness.ready,
                sha256=found.sha256,
                files=found.files,
                reports_reread=found.remade,
                claims=found.claimed,
                key_id=found.key or None,
                key_known=found.known,
            )
        )
        return
    for fault in found.faults:
        click.echo(f"✗ {clean(fault)}")
    if not found.faults:
        click.echo(f"complete: {found.files} files unchanged, {found.remade} reports read again with the same result")
    click.echo(_signed(found))
    click.echo(f"{clean(headline(found.readiness))}\nSHA-256 {found.sha256}")


def _signed(found: Audit) -> str:
    """Return a sentence about the signature, or its absence."""
    claims = f"; {found.claimed} ready gates have no report in the bundle and rely on its author" * bool(found.claimed)
    if not found.key:
        return f"unsigned: says only that files agree with their list{claims}"
    if not found.known:
        return f"signed with the key {found.key}, which is unknown here: --key PUBLIC.pem names its owner's{claims}"
    return f"signed with the known key {found.key}{claims}"
