"""`waves`: who gets a release when, and tenants' wishes for another wave."""

from __future__ import annotations

from datetime import datetime

import click

from pilotage.app.project import Project
from pilotage.cli.days import Day
from pilotage.cli.groups import DefaultGroup
from pilotage.cli.options import environment_option, json_option, reason_option


@click.group(cls=DefaultGroup, default="list")
def waves() -> None:
    """Show the waves of tenants, and move a tenant to another one."""


@waves.command("list")
@environment_option
@json_option
@click.pass_obj
def listed(project: Project, environment: str | None, as_json: bool) -> None:
    """Show each wave: tenants, share, dates, and its state in the rollout in progress."""
    from pilotage.app.waves import view
    from pilotage.render.wave_section import TITLES, output_of, rows_of, sentences_of

    found = view(project, environment)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(output_of(found))
        return
    from pilotage.cli.plain_table import show_lines, show_table

    show_table(TITLES, list(rows_of(found)))
    show_lines(sentences_of(found))


@waves.command("show")
@environment_option
@json_option
@click.argument("wave")
@click.pass_obj
def show(project: Project, environment: str | None, as_json: bool, wave: str) -> None:
    """List the tenants of a wave, one a line."""
    from pilotage.app.waves import members

    place, names = members(project, environment, wave)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.waves import WaveMembersOutput

        show_json(WaveMembersOutput(environment=place, wave=wave, tenants=names))
        return
    if names:
        click.echo("\n".join(names))


@waves.command("move")
@environment_option
@click.option("--to", required=True, metavar="WAVE", help="Wave with which it gets releases.")
@click.option("--until", required=True, type=Day(), help="Last day on which this holds.")
@reason_option
@json_option
@click.argument("tenant")
@click.pass_obj
def move(
    project: Project, environment: str | None, to: str, until: datetime, reason: str, as_json: bool, tenant: str
) -> None:
    """Give a tenant its releases with another wave until a day.

    Plans made from now on use it. A rollout in progress keeps its waves.

    \b
        pilotage waves move acme --to late --until 2026-12-24 --reason "year's end"
    """
    from pilotage.app.waves import MoveRequest
    from pilotage.app.waves import move as moved

    wish = MoveRequest(tenant=tenant, to=to, until=until.date(), reason=reason, environment=environment)
    found = moved(project, project.actor, wish)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.waves import MovedOutput
        from pilotage.render.wave_section import move_output

        show_json(
            MovedOutput(
                environment=found.environment,
                move=move_output(found.move),
                before=found.before,
                outdated=found.outdated,
            )
        )
        return
    click.echo(f"{tenant} gets releases with {to} instead of {found.before} until {found.move.until}")
    if found.outdated:
        click.echo(found.outdated)
