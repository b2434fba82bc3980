"""`pilotage train`: the next release train, what is on board, who boards late, and the departures that follow."""

from __future__ import annotations

from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.groups import DefaultGroup, Unnamed
from pilotage.cli.options import json_option, said

_MOST = 120
"""Departures that are listed: the calendar knows holidays of some years."""

count_option = click.option(
    "-n", "--count", type=click.IntRange(1, _MOST), default=8, show_default=True, help="Number of departures."
)


@click.group(cls=DefaultGroup, default="show")
def train() -> None:
    """Show the next release train and what is on board; board a change late; list departures."""


@train.command("show")
@count_option
@json_option
@click.pass_obj
def show(project: Project, /, count: int, as_json: bool) -> None:
    """Show the next release train: its cut-off, what is on board, and the departures after it.

    \b
    pilotage train board --late '#12' --reason WHY   after the cut-off
    pilotage train departures --format ics           as a calendar
    """
    from pilotage.app.trains import station
    from pilotage.cli.train_output import show_train

    here = station(project)
    if as_json:
        from pilotage.app.train_output import train_output
        from pilotage.cli.output import show_json

        show_json(train_output(project, here))
        return
    show_train(project, here, count)


show.context_class = Unnamed


@train.command("board")
@click.option(
    "--late", "change", required=True, callback=said, metavar="CHANGE", help="Pull request, such as #12, or commit."
)
@click.option("--reason", required=True, callback=said, help="Why it cannot wait. Recorded.")
@click.pass_obj
def board(project: Project, change: str, reason: str) -> None:
    """Board a change after the cut-off. Who may do so, and until when, is in `train.late`."""
    from pilotage.app.boarding import board_late
    from pilotage.app.trains import station

    departure, passenger = board_late(project, station(project), project.actor, change, reason)
    name = f"{passenger.request} {passenger.title}".strip()
    click.echo(f"on board of the train of {departure.day}: {name}")


@train.command("departures")
@count_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "ics"]), default="table", show_default=True,
    help="Output format.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.pass_obj
def departures(project: Project, count: int, form: str, output: Path | None) -> None:
    """List departures and cut-offs. In a calendar, entries keep their place when a train moves."""
    from pilotage.app.trains import station
    from pilotage.cli.train_output import show_departures

    here = station(project)
    if form == "table" and output is None:
        show_departures(here, count)
        return
    content: str | bytes
    if form == "ics":
        from pilotage.render.trains import to_train_ics

        content = to_train_ics(here.train.line, here.next_trains(count), here.now)
    else:
        from pilotage.app.train_output import departures_output
        from pilotage.cli.output import json_text

        content = json_text(departures_output(here, count)) + "\n"
    if output is None:
        click.echo(content, nl=False)
        return
    from pilotage.app.output import write_file

    write_file(output, content)
    click.echo(f"wrote {output}", err=True)
