"""`pilotage risk`: estimate how likely a range of commits needs a fix, and say why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.days import DayOrTime
from pilotage.cli.groups import DefaultGroup, Unnamed
from pilotage.cli.options import json_option

if TYPE_CHECKING:
    from pilotage.app.risk import Answer

repository_option = click.option(
    "--repository",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Read this clone, not the current folder.",
)


@click.group(cls=DefaultGroup, default="assess")
def risk() -> None:
    """Estimate how likely a range of commits needs a fix, and why; keep the model's level up with this repository."""


@risk.command("assess")
@click.argument("revisions", metavar="A..B")
@repository_option
@click.option("--per-commit", is_flag=True, help="List each commit, riskiest first.")
@click.option("--at", "when", type=DayOrTime(), help="Time of the release. Default: now.")
@click.option(
    "--advisories", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Known vulnerabilities, as JSON of pip-audit, npm audit or OSV.",
)  # fmt: skip
@json_option
@click.pass_obj
def assess(
    project: Project, /, revisions: str, repository: Path | None, per_commit: bool, when: datetime | None,
    advisories: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Assess the commits A..B from git alone. B defaults to HEAD.

    To keep the model's level up with this repository, run `pilotage risk train`.
    """
    from pilotage.app.risk import assess_changes

    answer = assess_changes(project, revisions, when=when, advisories=advisories, repository=repository)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.render.risk import risk_output

        show_json(risk_output(answer.assessment, answer.changes if per_commit else None))
    else:
        _show(answer, per_commit)


assess.context_class = Unnamed


def _show(answer: Answer, per_commit: bool) -> None:
    from pilotage.cli.edge import console
    from pilotage.render.risk_screen import screen_of

    for part in screen_of(answer.assessment, answer.changes if per_commit else ()):
        console().print(part, crop=False)


@risk.command("train")
@repository_option
@click.option("--revision", default="HEAD", show_default=True, help="Revision whose history is used.")
@click.option("--anyway", is_flag=True, help="Take over a level that was further off than the shipped one.")
@json_option
@click.pass_obj
def train(project: Project, /, repository: Path | None, revision: str, anyway: bool, as_json: bool) -> None:
    """Keep the model's level up with this repository's repairs, reverts and rollbacks.

    It needs 300 source changes older than 30 days, 5 of them repaired since. Later assessments use the result, unless
    the newest changes show that the shipped level was nearer.
    """
    from pilotage.app.risk_training import train as keep_up
    from pilotage.render.risk_training import trained_lines, trained_output

    learned = keep_up(project, revision, repository=repository, anyway=anyway)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(trained_output(learned.model, learned.changes, learned.harmful, learned.checks, taken=learned.taken))
    else:
        for line in trained_lines(learned.model, learned.checks, taken=learned.taken):
            click.echo(line)
