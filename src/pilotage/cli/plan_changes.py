"""Two plans side by side: `plan diff`, `plan --what-if`, `plan retarget`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pilotage.cli.plain_table import for_terminal, piped_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pilotage.app.plan import Retargeted
    from pilotage.app.project import Project
    from pilotage.model.plan import Plan
    from pilotage.model.plan_change import PlanChange


def named_plan(project: Project, named: str) -> Plan:
    """The plan in a JSON file, on standard input (`-`), or of a rollout. Raises Unclear."""
    from pilotage.app.plan import read_plan

    return read_plan(project, named, sys.stdin.read() if named == "-" else None)


def show_changes(changes: Sequence[PlanChange], as_json: bool) -> None:
    if as_json:
        from pilotage.app.plan_output import changes_output
        from pilotage.cli.output import show_json

        show_json(changes_output(changes))
    elif not changes:
        click.echo("no difference")
    elif for_terminal():
        from pilotage.cli.edge import console
        from pilotage.render.plan_view import changes_view

        console().print(changes_view(tuple(changes)))
    else:
        from pilotage.render.plan_text import changes_lines

        click.echo("\n".join(changes_lines(tuple(changes), piped_width())))


def show_retargeted(moved: Retargeted, as_json: bool) -> None:
    """Show what moves, and who must be notified again."""
    if as_json:
        from pilotage.app.plan_output import retarget_output
        from pilotage.cli.output import show_json

        show_json(retarget_output(moved))
        return
    show_changes(moved.changes, as_json=False)
    click.echo("\nNotify again:" if moved.again else "\nNobody was notified of the old date yet.")
    for retold in moved.again:
        click.echo(f"  {retold.audience}, by the {retold.owner}: {'; '.join(retold.told_by)}")
    if moved.again:
        plan = moved.plan
        click.echo(
            f"`pilotage announce track {plan.version} --date {plan.release_date}` tells whoever was told through it"
        )
