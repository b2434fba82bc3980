"""Shows the audit log in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.exit import UNVERIFIABLE
from pilotage.model.audit import Filter
from pilotage.model.text import line


def show_rows(project: Project, wanted: Filter, limit: int, *, as_json: bool) -> None:
    from pilotage.app.audit_log import page
    from pilotage.cli.output import show_json
    from pilotage.cli.plain_table import show_table
    from pilotage.model.timestamp import timestamp
    from pilotage.render.audit import audit_output, in_words

    rows = page(project, project.actor, wanted, limit)
    if as_json:
        show_json(audit_output(rows))
        return
    if not rows:
        click.echo("no change fits")
        return
    titles = ("row", "at", "who", "proof", "action", "object", "outcome", "change")
    show_table(titles, [
        (
            str(row.number), timestamp(row.at), row.actor, row.proof, row.action, line(row.object, 40), row.outcome,
            line(in_words(row), 120),
        )
        for row in rows
    ])  # fmt: skip


def show_verification(project: Project, keys: Sequence[Path], anchors: Sequence[Path], *, as_json: bool) -> int:
    """Returns the exit status."""
    from pilotage.app.audit_log import verify
    from pilotage.cli.output import show_json
    from pilotage.render.audit import checked_output

    found = verify(project, project.actor, keys, anchors)
    if as_json:
        show_json(checked_output(found))
    else:
        for fault in found.faults:
            click.echo(f"✗ {fault}")
        for words in found.unsure:
            click.echo(f"? {words}")
        if not found.faults:
            signed = f", {found.signed} signed heads" * bool(found.signed)
            click.echo(f"whole: {found.rows} rows in one chain{signed}")
    return 1 if found.faults else UNVERIFIABLE if found.unsure else 0
