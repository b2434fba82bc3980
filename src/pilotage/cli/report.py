"""`report`, `dora`, `serve-status`: report on a period or a release; publish the status page."""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path

import click
from click.core import ParameterSource

from pilotage.app.project import Project
from pilotage.cli.days import Day
from pilotage.cli.options import address, environment_option
from pilotage.cli.report_output import form_options, show

_RENEW_EVERY = 2.0
"""Seconds between two updates of the page."""

since_option = click.option(
    "--since",
    default="30d",
    show_default=True,
    help="Start: a day such as 2026-11-01, or a duration before the end, such as 30d.",
)
until_option = click.option("--until", type=Day(), help="Last day. Default: today.")


def day_of(until: datetime | None) -> date | None:
    """Return the day of `--until`."""
    return until.date() if until else None


@click.command()
@click.argument("release", required=False)
@environment_option
@since_option
@until_option
@click.option(
    "--after",
    metavar="DURATION",
    help="With RELEASE: how long after its completion, such as 1d. At most 35d.  [default: 7d]",
)
@click.option(
    "--audience",
    "reader",
    type=click.Choice(["executive", "technical", "business"]),
    default="technical",
    show_default=True,
    help="Who reads the report.",
)
@form_options
@click.pass_context
def report(
    context: click.Context, release: str | None, environment: str | None, since: str, until: datetime | None,
    after: str | None, reader: str, form: str | None, output: Path | None,
) -> None:  # fmt: skip
    """Report on a period: deployments, DORA metrics, performance, business figures, lessons.

    With RELEASE, a version or the id of a rollout, report on one release: what it was, and what changed in the time
    after it against the same hours of the weeks before.

    --audience chooses the parts. Without -e, several environments are compared in one table.
    """
    project: Project = context.obj
    if release is not None:
        if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in ("since", "until")):
            raise click.UsageError("RELEASE and --since or --until exclude each other: use --after")
        from pilotage.app.release_report import release_report

        show(release_report(project, environment, release, after or "7d", reader), form, output)
        return
    if after is not None:
        raise click.UsageError("--after needs RELEASE, such as `pilotage report 2.4.0 --after 7d`")
    if every := project.all_of(environment):
        from pilotage.app.overviews import period_overview

        show(period_overview(project, every, since, day_of(until), "report"), form, output)
        return
    from pilotage.app.periods import period_report

    show(period_report(project, environment, since, day_of(until), reader), form, output)


@click.command()
@environment_option
@since_option
@until_option
@click.option("--from-tags", metavar="PATTERN", help="Use only the git tags that match, such as 'v3.*'.")
@click.option(
    "--repository",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --from-tags: read this repository, not the current one.",
)
@click.option("--path", "paths", multiple=True, help="With --from-tags: count only commits to this path. Repeatable.")
@form_options
@click.pass_obj
def dora(
    project: Project, environment: str | None, since: str, until: datetime | None, from_tags: str | None,
    repository: Path | None, paths: tuple[str, ...], form: str | None, output: Path | None,
) -> None:  # fmt: skip
    """Show the five DORA metrics, each with its interval, sample size and rollouts.

    Without -e, several environments are compared in one table.
    """
    from pilotage.app.periods import dora_report, dora_report_from_tags

    last = day_of(until)
    if paths and from_tags is None:
        raise click.UsageError("--path needs --from-tags: rollouts are of a whole service")
    if from_tags is not None:
        made = dora_report_from_tags(project, repository, from_tags, since, last, paths)
    elif every := project.all_of(environment):
        from pilotage.app.overviews import period_overview

        made = period_overview(project, every, since, last, "dora")
    else:
        made = dora_report(project, environment, since, last)
    show(made, form, output)


@click.command("serve-status")
@click.option("--listen", default="127.0.0.1:8092", show_default=True, help="Address on which to serve the page.")
@click.option("--once", is_flag=True, help="Write the files and exit.")
@click.pass_obj
def serve_status(project: Project, listen: str, once: bool) -> None:
    """Write the public status page, keep it up to date, and serve it.

    The page consists of files in `status_page.folder`. They stay when Pilotage stops, and any web server can serve
    them.
    """
    from pilotage.app.status_page import publish, served

    folder = publish(project)
    click.echo(f"written: {folder}", err=True)
    if once:
        return
    with served(folder, *address(listen)) as url:
        click.echo(f"{url} since {project.moment:%H:%M:%S} UTC", err=True)
        while True:
            time.sleep(_RENEW_EVERY)
            try:
                publish(project)
            except Exception as error:
                # The page shows the last known state, and must still be served.
                click.echo(f"not updated: {type(error).__name__}: {error}", err=True)
