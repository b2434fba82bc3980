"""Commands that only read: `status`, `history`, `events`, `explain`. All of them also print JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option, key_option
from pilotage.cli.plain_table import show_lines, show_table, width_shown

if TYPE_CHECKING:
    from pilotage.app.explain import Explained
    from pilotage.app.status import EnvironmentStatus
    from pilotage.model.output.rollouts import EnvironmentOutput, RolloutOutput
    from pilotage.model.record import RolloutSummary


@click.command()
@environment_option
@json_option
@click.pass_obj
def status(project: Project, environment: str | None, as_json: bool) -> None:
    """Show what is serving and what is rolling out.

    Prints one line per service and environment. Use -s and -e to show one in full.
    """
    from pilotage.app.status import everywhere

    every = everywhere(project, environment)
    if len(every) > 1:
        _overview(every, as_json)
        return
    (found,) = every
    if as_json:
        from pilotage.cli.output import show_json

        show_json(_status(found))
        return
    show_lines([f"{found.service} in {found.environment}: {found.headline}"])
    if found.home:
        moving = f"; `pilotage adopt {found.environment}` moves it here" if found.home.silent else ""
        show_lines([f"it {found.home.words}{moving}"])
    newest = found.newest
    if newest is not None and newest.preserved:
        show_lines(
            [f"the failed environment with {newest.version} is kept for debugging: `pilotage cleanup` deletes it"]
        )
    if found.warm:
        show_lines([found.warm.sentence])
    show_lines((*found.skipped, *found.phases, *found.frozen, *found.troubles))
    for waiting in found.queued:
        show_lines([f"{waiting.version} is queued, requested by {waiting.actor}"])
    if newest is not None:
        _show(project, newest)


def _overview(every: Sequence[EnvironmentStatus], as_json: bool) -> None:
    """One line per environment; `-s` and `-e` show one in full."""
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.rollouts import StatusOutput

        show_json(StatusOutput(environments=tuple(map(_status, every))))
        return
    for found in every:
        newest = found.newest
        now = f"; {newest.version} is {newest.status}" if newest and not newest.status.final else ""
        show_lines([f"{found.service} in {found.environment}: {found.headline}{now}"])
    show_lines(
        dict.fromkeys(
            line for found in every for line in (*found.skipped, *found.phases, *found.frozen, *found.troubles)
        )
    )


def _status(found: EnvironmentStatus) -> EnvironmentOutput:
    from pilotage.app.status_output import environment_output

    return environment_output(found)


def _show(project: Project, latest: RolloutSummary) -> None:
    from pilotage.cli.edge import console
    from pilotage.model.record import Unreadable
    from pilotage.render.live_view import rollout_view

    try:
        whole = project.records.get(latest.id)
    except Unreadable as error:
        click.echo(f"{latest.version} is {latest.status}: {error}")
        return
    console().print(rollout_view(whole, project.records.events(latest.id)))


@click.command()
@environment_option
@click.option("--limit", default=20, show_default=True, help="How many rollouts to list.")
@json_option
@click.pass_obj
def history(project: Project, environment: str | None, limit: int, as_json: bool) -> None:
    """List rollouts, newest first."""
    from pilotage.app.history import history as recorded

    found = recorded(project, environment, limit)
    several = len({r.service for r in found}) > 1
    places = len({r.environment for r in found}) > 1
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.rollouts import HistoryOutput

        show_json(HistoryOutput(rollouts=_outputs(project, found)))
        return
    where = (*(["service"] if several else []), *(["environment"] if places else []))
    titles = ("rollout", "started", *where, "version", "status", "duration", "by", "reason")
    show_table(titles, [_cells(one, several, places) for one in found])


def _cells(one: RolloutSummary, several: bool, places: bool) -> list[str]:
    """A row of `history`."""
    took = f"{one.took:.0f} s" if one.took is not None else "–"
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.started_at or one.created_at))
    where = [*([one.service] if several else []), *([one.environment] if places else [])]
    return [one.id, began, *where, one.version, one.status, took, one.actor, one.reason]


@click.command()
@click.argument("rollout", required=False)
@environment_option
@click.option("--verify", is_flag=True, help="Verify all records of the environment. Exits with 1 if any was changed.")
@key_option
@click.option(
    "--anchor", "anchors", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Also compare with the signed heads in this file. Repeatable.",
)  # fmt: skip
@json_option
@click.pass_obj
def events(
    project: Project, /, rollout: str | None, environment: str | None, verify: bool, keys: tuple[Path, ...],
    anchors: tuple[Path, ...], as_json: bool,
) -> None:  # fmt: skip
    """List the events of a rollout: the last one, or ROLLOUT. --json prints one event per line.

    --verify checks every rollout of the environment: event chains, rows, verdicts, commands, messages, the list of
    rollouts, signatures and anchors. Exits with 1 if anything was changed, and with 10 if something cannot be checked.
    """
    if verify:
        raise SystemExit(_verified(project, rollout, environment, keys, anchors, as_json))
    # By its columns: events can be listed also of a rollout whose plan this version cannot read.
    from pilotage.app.shown import newest_shown

    found = newest_shown(project, environment) if rollout is None else project.summary(rollout)
    _list(project, found.id, as_json)


def _list(project: Project, rollout: str, as_json: bool) -> None:
    recorded = project.records.events(rollout)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.render.outputs import event_output

        for event in recorded:
            show_json(event_output(event), line=True)
        return
    from pilotage.render.lines import event_lines

    click.echo("\n".join(event_lines(recorded, width_shown())))


def _verified(
    project: Project, rollout: str | None, environment: str | None, keys: tuple[Path, ...], anchors: tuple[Path, ...],
    as_json: bool,
) -> int:  # fmt: skip
    """List and verify. Verification also runs if no rollout can be listed: it finds what is missing."""
    from pilotage.cli.verify import verify as check

    if rollout is not None:
        found = project.summary(rollout)
        service, environment = found.service, found.environment
    else:
        service, environment = project.place(environment)
        newest = project.records.newest(service, environment)
        rollout = newest.id if newest else None
    if rollout is not None:
        _list(project, rollout, as_json)
    return check(project, service, environment, keys, anchors)


@click.command()
@click.argument("rollout", required=False)
@environment_option
@json_option
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write an HTML page with charts to this file."
)
@click.pass_obj
def explain(project: Project, rollout: str | None, environment: str | None, as_json: bool, html: Path | None) -> None:
    """Explain why a rollout waits, failed or was rolled back, with the numbers.

    ROLLOUT is the id of a rollout. Default: the last one.
    """
    from pilotage.app.explain import explained

    found = explained(project, environment, rollout)
    if html is not None:
        _write_page(html, found)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.render.outputs import explanation_output

        show_json(explanation_output(found.rollout.id, found.explanation))
    else:
        show_lines(part for line in found.explanation.lines for part in line.split("\n"))


def _write_page(path: Path, found: Explained) -> None:
    from pilotage.app.output import write_file
    from pilotage.render.lines import local_moment
    from pilotage.render.rollout_page import head_of, rollout_to_html

    rollout = found.rollout
    happened = [(local_moment(e.at), e.type_today, e.sentence) for e in found.events]
    why = [line.strip() for line in found.explanation.why if line.strip()]
    write_file(path, rollout_to_html(head_of(rollout), rollout.plan, why, found.verdicts, happened))
    click.echo(f"written: {path}", err=True)


def _outputs(project: Project, rollouts: Sequence[RolloutSummary]) -> tuple[RolloutOutput, ...]:
    """Rollouts as JSON, each with its last observation."""
    from pilotage.render.outputs import rollout_outputs

    return rollout_outputs(rollouts, project.records.live_views([rollout.id for rollout in rollouts]))
