"""`hotfix`: prepare a hotfix of the version that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option
from pilotage.model.text import clean

if TYPE_CHECKING:
    from pilotage.app.hotfix import Hotfix


@click.command()
@click.argument("version", required=False)
@environment_option
@click.option("--dry-run", is_flag=True, help="Create no branch.")
@click.pass_obj
def hotfix(project: Project, version: str | None, environment: str | None, dry_run: bool) -> None:
    """Prepare a hotfix: a branch from the tag of the serving version, reverts, and a plan.

    VERSION is the hotfix's own. Default: the serving version with its last number raised by one. Your working folder
    stays as it is.
    """
    from pilotage.app.hotfix import prepare

    for line in _told(prepare(project, environment, version, create=not dry_run)):
        click.echo(clean(line))


def _told(found: Hotfix) -> list[str]:
    state = "branch" if found.made else "would branch"
    lines = [f"{state} {found.branch} from {found.tag}, the version that serves"]
    if found.failed:
        lines.append(f"\n{found.failed} was rolled back. Changes that it brought, newest first:" if found.suspects else
                     f"\n{found.failed} was rolled back; git has no tag of it, so its changes are unknown")  # fmt: skip
    lines += [f"  {one.commit} {one.subject}\n    on the trunk: {one.revert}" for one in found.suspects]
    plan = found.plan
    watched = sum(step.duration for step in plan.steps)
    from pilotage.model.quantity import format_duration

    lines.append(f"\nplan of {found.version} as a hotfix: {len(plan.steps)} steps, {format_duration(round(watched))}")
    lines += [f"  stopped by {one.name}: {one.explanation}" for one in plan.stopped_by]
    lines += [f"  {note}" for note in plan.notes]
    lines.append(
        f"\nnext: git switch {found.branch}; fix it; set answers.release_type: hotfix; tag {found.new_tag}; "
        f"pilotage deploy {found.version}"
    )
    return lines
