"""`dashboard`: draw an environment for a tool that people look at."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option


@click.group()
def dashboard() -> None:
    """Draw an environment for Grafana."""


@dashboard.command()
@environment_option
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--push", "pushed", is_flag=True, help="Save it in the Grafana of notify.")
@click.option("--folder", default="", metavar="TITLE", help="With --push: the folder in Grafana, made if missing.")
@click.option("--overwrite", is_flag=True, help="With --push: even if somebody changed the dashboard in Grafana.")
@click.pass_obj
def grafana(
    project: Project, environment: str | None, out: Path | None, pushed: bool, folder: str, overwrite: bool
) -> None:
    """Write a dashboard of each version's figures.

    Traffic, requests, errors and latencies, with the limits of the plan.

    Needs the extra `grafana`. Save the JSON with --out and import it, or save it in Grafana with --push.
    """
    from pilotage.app import dashboards
    from pilotage.app.output import write_file

    if (folder or overwrite) and not pushed:
        raise click.UsageError("--folder and --overwrite need --push")
    named = project.environment(environment)
    if pushed:
        click.echo(f"saved at {dashboards.push(project, named, folder, overwrite=overwrite)}")
        return
    content = json.dumps(dashboards.dashboard_of(project, named), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(content, nl=False)
        return
    write_file(out, content)
    click.echo(f"wrote {out}", err=True)
