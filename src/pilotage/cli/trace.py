"""`trace`: a version from its commit to its users."""

from __future__ import annotations

from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.report_output import form_options, show


@click.command()
@click.argument("version")
@form_options
@click.pass_obj
def trace(project: Project, version: str, form: str | None, output: Path | None) -> None:
    """Show VERSION from its commit to its users: what built and tested it, and what the environments had.

    It compares the digests that each rollout recorded with those of the files that the way built, and checks that no
    event was changed since.
    """
    from pilotage.app.way.tracing import trace as traced

    show(traced(project, version), form, output)
