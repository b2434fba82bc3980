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
    from rich.text import Text

    from pilotage.app.risk import Answer

_COLOUR = {"low": "green", "medium": "yellow", "high": "red", "critical": "bold red"}

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
    from rich.text import Text

    from pilotage.cli.edge import console
    from pilotage.render.rich_table import rich_table

    found, screen = answer.assessment, console()
    level = Text(found.level.upper(), _COLOUR[found.level])
    screen.print(Text("risk ").append_text(level).append(f"   {found.chance}"))
    rows = (
        (one.factor, Text(one.level, _COLOUR[one.level]), f"{one.share_percent:.0f}%", one.sentence)
        for one in found.factors
    )
    screen.print(rich_table(("factor", "level", "share", "why"), rows))
    for finding in found.findings[:12]:
        where = f"  {finding.place}" if finding.place else ""
        _show_point(Text("•", _COLOUR[finding.level]), Text(finding.sentence).append(where, "dim"))
    if found.mitigations:
        screen.print(Text("\nwhat helps", "bold"))
        for cure in found.mitigations:
            _show_point(Text(" "), Text(cure))
    screen.print(Text("\nrecommended ", "bold").append(found.advice))
    screen.print(Text(f"measured by {found.model}", "dim"))
    if per_commit:
        _show_changes(answer)


def _show_point(mark: Text, words: Text) -> None:
    """What is too long for the line continues below its first word."""
    from rich.table import Table

    from pilotage.cli.edge import console

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(mark, words)
    console().print(grid)


def _show_changes(answer: Answer) -> None:
    from pilotage.cli.edge import console
    from pilotage.model.quantity import format_share
    from pilotage.render.rich_table import rich_table

    rows = []
    for change in sorted(answer.changes, key=lambda change: -change.score):
        factor, part = max(change.parts, key=lambda pair: pair[1])
        most = str(factor) if part > 0 else "less than usual"
        rows.append((change.commit[:10], format_share(round(change.score, 3)), most, change.subject))
    console().print(rich_table(("change", "risk", "most of it", "subject"), rows))


@risk.command("train")
@repository_option
@click.option("--revision", default="HEAD", show_default=True, help="Revision whose history is used.")
@json_option
@click.pass_obj
def train(project: Project, /, repository: Path | None, revision: str, as_json: bool) -> None:
    """Keep the model's level up with this repository's repairs, reverts and rollbacks.

    It needs 300 source changes older than 30 days, 5 of them repaired since. Later assessments use the result.
    """
    from pilotage.app.risk_training import train as keep_up
    from pilotage.render.risk_training import trained_lines, trained_output

    learned = keep_up(project, revision, repository=repository)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(trained_output(learned.model, learned.changes, learned.harmful, learned.checks))
    else:
        for line in trained_lines(learned.model, learned.checks):
            click.echo(line)
