"""`logs`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option

if TYPE_CHECKING:
    from pilotage.app.logs import LogLine

_EVERY = 0.5
"""Seconds between two looks at the logs."""


@click.command()
@click.argument("version", required=False, default="")
@environment_option
@click.option("-f", "--follow", is_flag=True, help="Show new lines until Ctrl-C, also of instances that start later.")
@click.option("-i", "--instance", default="", help="Only this instance, by its id or host:port.")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 5000), default=20, show_default=True,
    help="Last lines of each instance.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print each line as JSON.")
@click.pass_obj
def logs(
    project: Project, version: str, environment: str | None, follow: bool, instance: str, lines: int, as_json: bool
) -> None:
    """Show what instances wrote, of one VERSION or of all.

    Values of secrets and escape sequences are left out.

    \b
        pilotage logs 2.5.0 -f
        pilotage logs --instance 2.5.0-3 --lines 200
    """
    from pilotage.app.logs import logs_of

    found = logs_of(project, project.environment(environment), version, instance)
    _show(found.last(lines), as_json)
    try:
        while follow:
            time.sleep(_EVERY)
            _show(found.more(), as_json)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _show(told: Iterable[LogLine], as_json: bool) -> None:
    for one in told:
        if as_json:
            from pilotage.cli.output import show_json
            from pilotage.model.output.hosts import LogLineOutput

            show_json(LogLineOutput(instance=one.instance, version=one.version, text=one.text), line=True)
        else:
            click.echo(f"{one.instance} | {one.text}")
