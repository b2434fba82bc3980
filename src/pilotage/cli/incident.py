"""`incident`: the document about a release that was rolled back or failed, and its evidence."""

from __future__ import annotations

from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option
from pilotage.cli.report_output import form_options, show


@click.command()
@click.argument("rollout", required=False)
@environment_option
@click.option(
    "--bundle",
    "archive",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the evidence to this archive: logs, events, verdicts, plan, configuration, changes.",
)
@form_options
@click.pass_obj
def incident(
    project: Project, rollout: str | None, environment: str | None, archive: Path | None, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Write an incident report: timeline, impact, verdicts, next steps.

    ROLLOUT is the id of a rollout. Default: the newest one that was rolled back or failed. Without -e, the incidents of
    several environments are listed. `pilotage audit verify` verifies a bundle, offline.
    """
    from pilotage.app.incidents import bundle, find_undone, incident_report

    if archive is not None:
        digest = bundle(project, find_undone(project, environment, rollout), archive)
        click.echo(f"written: {archive}\nSHA-256 {digest}")
        return
    if rollout is None and (every := project.all_of(environment)):
        from pilotage.app.overviews import incident_overview

        show(incident_overview(project, every), form, output)
        return
    show(incident_report(project, environment, rollout), form, output)
