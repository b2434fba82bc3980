"""`pilotage plan`: show what a release would do, when and why; compare plans; move them to another date."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.groups import DefaultGroup, Unnamed
from pilotage.cli.options import PLAN, environment_option, json_option
from pilotage.cli.plan_forms import FORMATS
from pilotage.cli.wishes import Wished, wish_of, wish_options

if TYPE_CHECKING:
    from pilotage.app.plan import PlanRequest
    from pilotage.model.plan import Plan


@click.group(cls=DefaultGroup, default="make")
def plan() -> None:
    """Show what a release would do; compare plans; move a plan to another date."""


@plan.command("make")
@click.argument("version")
@environment_option
@wish_options
@click.option(
    "--format", "form", type=click.Choice(["terminal", *FORMATS, "github"]), default="terminal", metavar="FORMAT",
    help=f"Output format: terminal, {', '.join(FORMATS)}, github (a comment on a pull request).",
)  # fmt: skip
@click.option("--base", default="", metavar="REVISION", help="With --format github: compare with this commit.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option(
    "--section", multiple=True, metavar="NAME", help="Show this section only, or all. Repeatable; terminal format only."
)
@click.option("--why", "path", help="Explain one value, such as steps[0].timeout or canary.weights.")
@click.option(
    "--what-if", multiple=True, metavar="QUESTION=ANSWER", help="Show what another answer changes. Repeatable."
)
@click.option("--as-update", is_flag=True, help="Plan as if an earlier version served already.")
@click.option("--detailed-exitcode", is_flag=True, help="With --what-if: exit 10 if the plan changes.")
@json_option
@click.pass_obj
def make(
    project: Project,
    /,
    version: str,
    environment: str | None,
    form: str,
    base: str,
    output: Path | None,
    section: tuple[str, ...],
    path: str | None,
    what_if: tuple[str, ...],
    as_update: bool,
    detailed_exitcode: bool,
    as_json: bool,
    **wished: Unpack[Wished],
) -> None:
    """Show what a release of VERSION would do, and why. Without -e, one line for each environment.

    \b
    pilotage plan diff A B                   compare two plans
    pilotage plan retarget PLAN --date DATE  move a plan to another date
    """
    from pilotage.app.known_risk import planned
    from pilotage.app.plan import format_context

    wish = replace(wish_of(project, version, **wished), as_update=as_update)
    if form == "terminal" and not (as_json or output or section or path or what_if) and project.all_of(environment):
        _show_all(project, wish)
        return
    named = project.environment(environment)
    if form == "github":
        from pilotage.app.ci import request_comment
        from pilotage.render.request_comment import MOST, comment_text

        _write(comment_text(request_comment(project, named, wish, base), MOST), output)
        return
    made = planned(project, named, wish)
    if what_if:
        from pilotage.app.plan import what_if as changed_by
        from pilotage.cli.plan_changes import show_changes

        changes = changed_by(project, named, wish, made, what_if)
        show_changes(changes, as_json)
        raise SystemExit(10 if changes and detailed_exitcode else 0)
    if path:
        _explain(made, path, as_json)
    elif as_json or form != "terminal" or output:
        format_as = FORMATS["json" if as_json or form == "terminal" else form]
        _write(format_as(made, format_context(project, named)), output)
    else:
        _show(made, section)
        _say_what_backups_take(project, made)
        _say_if_it_cannot_start(project, named, version)


def _say_what_backups_take(project: Project, made: Plan) -> None:
    """Beside the plan, which stays the same whatever the last backup took."""
    if project.loaded.configuration.environments[made.environment].backup is None:
        return
    from pilotage.app.backups import durations_of

    for sentence in durations_of(project.loaded, made):
        click.echo(sentence, err=True)


def _say_if_it_cannot_start(project: Project, environment: str, version: str) -> None:
    """A plan can be made of what is not there yet; whoever wants to deploy it should know."""
    from pilotage.app.startable import lacks_of

    section = project.loaded.configuration.environments[environment]
    if problem := lacks_of(project.loaded, section, version):
        click.echo(f"not deployable here yet: {problem}", err=True)


make.context_class = Unnamed


def _show_all(project: Project, wish: PlanRequest) -> None:
    """What sets the environments apart; one of them is named for its steps."""
    from pilotage.app.known_risk import planned
    from pilotage.cli.plain_table import show_lines, show_table
    from pilotage.model.quantity import format_duration

    plans = [planned(project, name, wish) for name in project.environments()]
    rows = [
        (
            plan.environment, plan.answers.deployment_strategy.value, str(plan.instances),
            "first deployment" if plan.first else format_duration(plan.watched),
            "–" if plan.first else format_duration(plan.rollback.timeout),
            ", ".join(c.name for c in plan.stopped_by) or "–", plan.hash[:12],
        )
        for plan in plans
    ]  # fmt: skip
    titles = ("environment", "strategy", "instances", "analysis", "rollback within", "blocked by", "plan")
    show_table(titles, rows)
    show_lines([f"Run `pilotage plan {wish.version} -e {plans[0].environment}` for the steps of one environment."])


def _explain(made: Plan, path: str, as_json: bool) -> None:
    from pilotage.app.plan import reason_of

    reason = reason_of(made, path)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import ReasonOutput

        show_json(ReasonOutput(path=reason.path, value=reason.value, reasons=tuple(reason.because)), line=True)
        return
    value = reason.value if isinstance(reason.value, str) else json.dumps(reason.value, ensure_ascii=False)
    click.echo(f"{reason.path}: {value}")
    for sentence in reason.because:
        click.echo(f"  {sentence}")


def _write(content: str | bytes, output: Path | None) -> None:
    if output is None:
        click.echo(content, nl=False)
        return
    from pilotage.app.output import write_file

    write_file(output, content)
    click.echo(f"wrote {output}", err=True)


def _show(made: Plan, section: tuple[str, ...]) -> None:
    from pilotage.cli.plain_table import for_terminal, piped_width
    from pilotage.render.sections import IDS

    if unknown := [name for name in section if name not in (*IDS, "all")]:
        from pilotage.cli.renamed import SECTIONS

        if unknown[0] in SECTIONS:
            raise click.UsageError(f"the section {unknown[0]} is now called {SECTIONS[unknown[0]]}")
        raise click.UsageError(f"there is no section {unknown[0]!r}; there are {', '.join(IDS)}, all")
    if not for_terminal():
        from pilotage.render.plan_text import plan_lines

        click.echo("\n".join(plan_lines(made, section, piped_width())))
        return
    from pilotage.cli.edge import console
    from pilotage.render.plan_view import plan_view

    console().print(plan_view(made, section))


@plan.command("diff")
@click.argument("before", type=PLAN)
@click.argument("after", type=PLAN)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 if the plans differ.")
@json_option
@click.pass_obj
def diff(project: Project, before: str, after: str, detailed_exitcode: bool, as_json: bool) -> None:
    """Show what changes from plan BEFORE to plan AFTER.

    Each is a JSON file, - for standard input, or the id of a rollout.
    """
    from pilotage.app.plan import compare
    from pilotage.cli.plan_changes import named_plan, show_changes

    changes = compare(named_plan(project, before), named_plan(project, after))
    show_changes(changes, as_json)
    raise SystemExit(10 if changes and detailed_exitcode else 0)


@plan.command("retarget")
@click.argument("source", metavar="PLAN", type=PLAN)
@wish_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the moved plan to this file, as JSON.",
)
@json_option
@click.pass_obj
def retarget(project: Project, /, source: str, output: Path | None, as_json: bool, **wished: Unpack[Wished]) -> None:
    """Move PLAN to --date. Show what moves, and who needs to hear of it.

    PLAN is a JSON file, - for standard input, or the id of a rollout.
    """
    from pilotage.app.plan import retarget as move
    from pilotage.cli.plan_changes import named_plan, show_retargeted

    if wished["release_date"] is None:
        raise click.UsageError("name the new day with --date YYYY-MM-DD")
    before = named_plan(project, source)
    moved = move(project, before, wish_of(project, before.version, **wished))
    show_retargeted(moved, as_json)
    if output is not None:
        _write(moved.plan.to_json() + "\n", output)
