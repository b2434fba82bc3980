"""`ci`: what a job of GitHub Actions or GitLab CI tells its code host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option
from pilotage.cli.wishes import Wished, wish_of, wish_options

if TYPE_CHECKING:
    from pilotage.app.ci import Posted

_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def ci() -> None:
    """Show plans, gates and deployments at GitHub or GitLab, from a job.

    The job's own variables say where and for which commit. The token is in GITHUB_TOKEN or GITLAB_TOKEN; it is sent to
    the code host only, and never shown. Without VERSION, the first 12 characters of the commit are the version.
    """


@ci.command("comment")
@click.argument("version", required=False)
@environment_option
@click.option("--base", metavar="REVISION", help="Compare with this commit. Default: that of the request.")
@wish_options
@click.pass_obj
def comment(
    project: Project, /, version: str | None, environment: str | None, base: str | None, **wished: Unpack[Wished]
) -> None:
    """Put the plan on the pull or merge request, or update it there.

    The comment shows what the request changes in the plan, the risk of its commits, and the plan. A job of a fork may
    not comment: its text goes to the job summary.
    """
    from pilotage.app.ci import post_comment, version_here

    wish = wish_of(project, version_here(version), **wished)
    _say(post_comment(project, project.environment(environment), wish, base))


@ci.command("check")
@click.argument("version", required=False)
@environment_option
@click.option("--sarif", type=_file, help="Also write what is missing to this file, as SARIF 2.1.0.")
@click.option("--code-quality", type=_file, help="Also write it to this file, as GitLab's Code Quality report.")
@wish_options
@click.pass_obj
def check(
    project: Project, /, version: str | None, environment: str | None, sarif: Path | None, code_quality: Path | None,
    **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Show the readiness gates as a check of the commit.

    Each missing gate is an annotation at its line of pilotage.yaml. Exits with 3 if a gate is not ready.
    """
    from pilotage.app.ci import check_readiness, post_check, version_here
    from pilotage.app.output import write_file
    from pilotage.cli.ready import in_format, show

    wish = wish_of(project, version_here(version), **wished)
    found = check_readiness(project, project.environment(environment), wish)
    for path, form in ((sarif, "sarif"), (code_quality, "code-quality")):
        if path is not None:
            write_file(path, in_format(project, found, form))
    show(found)
    _say(post_check(project, found))
    raise SystemExit(0 if found.ready else 3)


@ci.command("deployment")
@click.argument("version", required=False)
@environment_option
@click.option("--url", default="", help="Address of the environment, shown with the deployment.")
@click.option("--exit-status", type=click.IntRange(0, 255), help="How `pilotage deploy` ended. Default: it has not.")
@click.pass_obj
def deployment(
    project: Project, version: str | None, environment: str | None, url: str, exit_status: int | None
) -> None:
    """Show VERSION's rollout among GitHub's deployments.

    Run it before and after `pilotage deploy`. It shows what the records say: a job that was cancelled leaves the
    deployment in progress as long as the rollout is.
    """
    from pilotage.app.ci import post_deployment, version_here

    named = project.environment(environment)
    _say(post_deployment(project, named, version_here(version), exit_status, url))


def _say(posted: Posted) -> None:
    click.echo(posted.sentence, err=True)
