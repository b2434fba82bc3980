"""What `phase list` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project

if TYPE_CHECKING:
    from pilotage.model.activity import TrackedItem, TrackedRelease


def write_tasks(project: Project, release: TrackedRelease, path: Path) -> None:
    from pilotage.app.activities import forecast_of, today_of
    from pilotage.app.output import write_file
    from pilotage.render.phase_tasks import to_phase_tasks

    today, sentence = today_of(project, release).isoformat(), forecast_of(project, release).sentence
    write_file(path, to_phase_tasks(release, today, sentence, project.moment))
    click.echo(f"written: {path}", err=True)


def show_releases(project: Project, found: tuple[TrackedRelease, ...]) -> None:
    from pilotage.app.activities import CONTINUOUS, forecast_of, overtaken, today_of
    from pilotage.cli.plain_table import show_lines, show_table
    from pilotage.model.answers import ReleaseFrequency

    if not found:
        continuous = project.loaded.configuration.answers.release_frequency is ReleaseFrequency.CONTINUOUS
        none = "no release is tracked; run `pilotage phase track VERSION --date YYYY-MM-DD`"
        click.echo(CONTINUOUS if continuous else none)
        return
    rows = []
    for one in found:
        late, done = one.late(today_of(project, one).isoformat()), sum(item.done for item in one.items)
        forecast = forecast_of(project, one)
        rows.append(
            (one.version, one.environment, str(one.release_date), f"{forecast.earliest} to {forecast.safe}",
             f"{done} of {len(one.items)}", str(len(late)))
        )  # fmt: skip
    show_table(("version", "environment", "planned", "forecast", "done", "overdue"), rows)
    show_lines(overtaken(project, found))


def show_release(project: Project, release: TrackedRelease, everything: bool) -> None:
    from pilotage.app.activities import forecast_of, progress_of, today_of
    from pilotage.cli.plain_table import show_lines, show_table

    today = today_of(project, release).isoformat()
    counted, titles = progress_of(release), {one.id: one.title for one in release.phases}
    parts = [f"{titles[name]} {done}/{there}" for name, (done, there) in counted.items()]
    end = f"dropped by {release.dropped}" if release.dropped else forecast_of(project, release).sentence
    show_lines([f"{release.service} {release.version} in {release.environment}: {end}", f"done: {', '.join(parts)}"])
    shown = sorted((item for item in release.items if everything or not item.done), key=lambda item: item.due)
    rows = [(item.id, item.assignee or item.owner, item.due, _state(item, today)) for item in shown]
    if everything:
        show_table(
            ("item", "owner", "due", "state", "why"),
            [(*row, _why(item)) for row, item in zip(rows, shown, strict=True)],
        )
    elif rows:
        show_table(("item", "owner", "due", "state"), rows)
    if any(not item.done and _by_readiness(item) for item in release.items):
        show_lines([f"Readiness items are as `pilotage ready {release.version}` last found them."])


def _by_readiness(item: TrackedItem) -> bool:
    from pilotage.model.activity import FACTS

    return any(gate not in FACTS for gate in item.gates)


def _state(item: TrackedItem, today: str) -> str:
    from pilotage.model.activity import ItemState

    if item.state is ItemState.REFUSED:
        return "no-go"
    return "overdue" if item.overdue(today) else item.state.value


def _why(item: TrackedItem) -> str:
    """Who says so and why, or what decides."""
    if item.met_by == "person":
        return f"{item.actor}: {item.note}" if item.actor else item.note
    return item.note or ", ".join(item.gates)
