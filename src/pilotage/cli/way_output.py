"""How `way` shows ways: one line each, one in full, and one that is followed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.app.way.viewing import PlaceView, StageView, WayView, follow_way
from pilotage.cli.output import show_json
from pilotage.cli.plain_table import show_lines, show_table, width_shown
from pilotage.model.quantity import format_duration
from pilotage.model.record import Recorded
from pilotage.model.way import StageStatus, WayState, WayStatus

_MARKS = {
    StageStatus.PASSED: "✔", StageStatus.CARRIED: "✔", StageStatus.FAILED: "✘", StageStatus.CUT_OFF: "!",
    StageStatus.RUNNING: "●", StageStatus.WAITING: " ",
}  # fmt: skip


def show_list(views: Sequence[WayView], places: Sequence[PlaceView], *, as_json: bool) -> None:
    """One line each; then which version each environment has."""
    if as_json:
        from pilotage.app.way.output import place_output, summary_output
        from pilotage.model.output.ways import WaysOutput

        show_json(WaysOutput(ways=tuple(map(summary_output, views)), environments=tuple(map(place_output, places))))
        return
    if not views:
        click.echo("no way yet: start one with `pilotage way start VERSION`")
        return
    rows = [
        (view.stored.way.version, view.stored.state.status, _at(view), view.stored.way.author, view.next)
        for view in views
    ]
    show_table(("version", "status", "stage", "author", "next"), rows)
    click.echo()
    show_table(("environment", "serves", "on its way"), [_cells(place) for place in places])


def _cells(place: PlaceView) -> tuple[str, ...]:
    coming = f"{place.arriving}, {place.status}, {place.percent:g} %" if place.arriving else ""
    return place.environment, place.serving or "–", coming


def _at(view: WayView) -> str:
    current = view.current
    if current is None:
        return ""
    waits = f" ({current.state.waiting})" if current.state.waiting else ""
    return f"{current.stage.name}{waits}"


def show_one(view: WayView, *, as_json: bool) -> None:
    """All of it."""
    if as_json:
        from pilotage.app.way.output import way_output

        show_json(way_output(view))
        return
    stored = view.stored
    commit = f", commit {stored.way.commit[:12]}" if stored.way.commit else ""
    show_lines(
        [f"{stored.way.service} {stored.way.version}: {stored.state.status}{commit}, started by {stored.way.author}"]
    )
    over = stored.state.status.final
    rows = [row for one in view.stages for row in (_row(one, over=over), *_region_rows(one))]
    show_table(("", "stage", "state", "took", "usual"), rows)
    lines = [f"not for this release: {name} ({why})" for name, why in stored.way.left_out]
    lines += [f"built {one.name}  sha256:{one.digest[:16]}…" for one in stored.state.artifacts]
    if stored.state.reason:
        lines.append(stored.state.reason)
    lines += [f"not undone: {sentence}" for sentence in stored.state.left]
    current = view.current
    if current is not None and current.state.detail and not stored.state.reason:
        lines.append(f"{current.stage.name}: {current.state.detail}")
    lines += [f"log of {one.stage.name}: {where}" for one in view.stages for where in _logs(one)]
    if view.next:
        lines.append(f"next: {view.next}")
    show_lines(lines)


def _logs(view: StageView) -> list[str]:
    """Of a stage that did not go well, the newest last."""
    if view.state.status not in (StageStatus.FAILED, StageStatus.CUT_OFF):
        return []
    logs = [one.where for one in view.state.evidence if one.kind == "log"][-1:]
    return [os.path.relpath(where) if Path(where).is_relative_to(Path.cwd()) else where for where in logs]


def _row(view: StageView, *, over: bool) -> tuple[str, ...]:
    """over: whether the way has ended, so that a stage which waits never begins."""
    took = format_duration(round(view.took)) if view.took is not None else ""
    usual = f"{format_duration(view.least)}–{format_duration(view.most)}"
    usual = f"{format_duration(round(view.planned))} planned" if view.planned is not None else usual
    state = "not begun" if over and view.state.status is StageStatus.WAITING else _state(view)
    return (_MARKS[view.state.status], view.stage.title or view.stage.name, state, took, usual)


def _region_rows(view: StageView) -> list[tuple[str, ...]]:
    return [(_MARKS[one.status], f"└ {one.environment}", one.words, "", "") for one in view.regions]


def _state(view: StageView) -> str:
    state = view.state
    words = [str(state.status)]
    if state.waiting and state.status is not StageStatus.CUT_OFF:
        words.append(f"for {state.waiting}" if state.status is StageStatus.WAITING else f"waits for {state.waiting}")
    if state.status is StageStatus.RUNNING and state.rollouts and not view.regions:
        words.append(f"in {', '.join(state.rollouts)}")
    if state.attempt > 1:
        words.append(f"(attempt {state.attempt})")
    if state.approved:
        words.append(f"approved by {', '.join(state.approved)}")
    return " ".join(words)


def show_events(recorded: Sequence[Recorded], *, as_json: bool) -> None:
    """One line each."""
    from pilotage.app.way.output import event_output
    from pilotage.render.lines import event_lines

    for event in recorded if as_json else ():
        show_json(event_output(event), line=True)
    for line in [] if as_json else event_lines(recorded, width_shown()):
        click.echo(line)


def show_started(identity: str, *, as_json: bool) -> None:
    """The id of what continues without this command."""
    if as_json:
        from pilotage.model.output.ways import WayStartedOutput

        show_json(WayStartedOutput(way=identity), line=True)
        return
    click.echo(identity)


def follow(project: Project, identity: str, timeout: float | None, *, as_json: bool) -> int:
    """Print each event until the way has ended. Returns the exit status."""
    said = ""
    try:
        for look in follow_way(project, identity, every=0.2, timeout=timeout):
            show_events(look.events, as_json=as_json)
            if look.person and look.person != said and not as_json:
                click.echo(f"waiting for a person: `{look.person}`. Ctrl-C detaches; the way continues", err=True)
            said = look.person
            if look.ended is not None:
                return status_of(look.stored.state)
    except KeyboardInterrupt:
        click.echo("\ndetached; the way continues. `pilotage way` shows it", err=True)
        return 6
    click.echo("timed out; the way continues", err=True)
    return 6


def status_of(state: WayState) -> int:
    """0 completed, 4 failed or aborted and undone, 5 something is left to be undone, 6 under way."""
    if state.status is WayStatus.COMPLETED:
        return 0
    if not state.status.final:
        return 6
    return 5 if state.left else 4
