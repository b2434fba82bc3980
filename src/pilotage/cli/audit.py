"""`audit`: verify bundles of evidence, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.exit import UNVERIFIABLE
from pilotage.cli.options import json_option, key_option
from pilotage.model.text import clean

if TYPE_CHECKING:
    from pilotage.app.incident_audit import IncidentAudit
    from pilotage.app.readiness.audit import Audit


@click.group()
def audit() -> None:
    """Verify bundles of evidence."""


@audit.command("verify")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--artifact",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare this file with the digest in the bundle.",
)
@key_option
@json_option
@click.pass_obj
def verify_bundle(project: Project, path: Path, artifact: Path | None, keys: tuple[Path, ...], as_json: bool) -> None:
    """Verify a bundle made by `ready --bundle` or `incident --bundle`.

    Verifies signature and digests, reads every report again and decides every gate again. Needs no network, no
    configuration and no store. Use --key to name the public key of the expected signer. Without it, the keys of this
    state folder are trusted. Exits 1 if anything was changed, 2 if FILE is not a bundle, 3 if the release was not
    ready, and 10 if no known key signed it.
    """
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
