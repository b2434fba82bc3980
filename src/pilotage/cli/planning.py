"""`pilotage plan`: what releasing a version would do, step by step, and where each number comes from."""

from __future__ import annotations

from datetime import datetime

import click

from pilotage.cli.project import Project, environment_option, json_option


@click.command()
@click.argument("version")
@environment_option
@click.option("--date", "release_date", type=click.DateTime(["%Y-%m-%d"]), help="The release date.")
@click.option("--markdown", is_flag=True, help="Markdown on standard output.")
@json_option
@click.pass_obj
def plan(
    project: Project,
    version: str,
    environment: str | None,
    release_date: datetime | None,
    markdown: bool,
    as_json: bool,
) -> None:
    """Show what releasing VERSION would do, and why."""
    from pilotage.engine.plans import plan_for

    day = release_date.date() if release_date else None
    made = plan_for(project.loaded, project.environment(environment), version, day)
    if as_json:
        click.echo(made.to_json())
    elif markdown:
        from pilotage.plan.markdown import to_markdown

        click.echo(to_markdown(made))
    else:
        from rich.console import Console

        from pilotage.cli.plan_view import plan_view

        Console().print(plan_view(made))
