"""What `train` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.app.boarding import Manifest, Passenger
    from pilotage.app.trains import Departure, Station

_MOST = 40
"""Changes that are listed."""


def show_train(project: Project, here: Station, count: int) -> None:
    from pilotage.app.boarding import manifest
    from pilotage.cli.plain_table import show_lines

    lines = [f"{here.train.name}, {here.train.words} ({here.train.source})"]
    if here.next is None:
        show_lines([*lines, "no train departs in the next two years"])
        return
    lines += [f"departs    {_clock(here.next.departs)}{f': {here.next.moved}' if here.next.moved else ''}"]
    lines += [f"boarding   {_boarding(here, here.next)}"]
    show_lines(lines)
    _show_board(manifest(project, here, here.next))
    click.echo()
    show_departures(here, count)
    if len(here.in_flight) > 1:
        show_lines([f"{len(here.in_flight)} trains are in flight: their phases overlap."])
    show_lines(["A hotfix waits for no train: `pilotage hotfix`."])


def _boarding(here: Station, train: Departure) -> str:
    roles = " or ".join(here.train.late)
    if here.boarding == "open":
        left = f"{here.left} of working time left"
        return f"until {_clock(train.cutoff)}, {left}; late until {_clock(train.late_until)}, by a {roles}"
    ended = f"ended {_clock(train.cutoff)}"
    if here.boarding == "late":
        return f"{ended}; a {roles} may board a change until {_clock(train.late_until)}, {here.left} left"
    return f"{ended}, late boarding {_clock(train.late_until)}"


def _show_board(found: Manifest) -> None:
    from pilotage.cli.plain_table import show_lines, show_table

    if found.why_not:
        show_lines([f"on board   unknown: {found.why_not}"])
        return
    since = f"since {', '.join(found.since)}" if found.since else "in the whole history"
    show_lines([f"on board   {_counted(found.aboard)} {since}"])
    if found.aboard:
        show_table(("change", "kind", "tickets", "by", "what"), list(map(_row, found.aboard[:_MOST])))
        _say_left(found.aboard)
    if found.missed:
        show_lines([f"too late   {_counted(found.missed)}, for a later train"])
        show_table(("change", "kind", "tickets", "by", "what"), list(map(_row, found.missed[:_MOST])))
        _say_left(found.missed)


def _say_left(found: Sequence[Passenger]) -> None:
    if len(found) > _MOST:
        click.echo(f"and {len(found) - _MOST} more: `pilotage train --json` has all of them")


def _counted(found: Sequence[Passenger]) -> str:
    return counted(len(found), "change") if found else "nothing"


def _row(one: Passenger) -> tuple[str, ...]:
    late = f" (late, by {one.late.actor}: {one.late.reason})" if one.late else ""
    what = f"{', '.join(one.services)}: {one.title}" if one.services else one.title
    return (one.request or one.commit[:7], one.kind, " ".join(one.tickets), ", ".join(one.authors), what + late)


def show_departures(here: Station, count: int) -> None:
    from pilotage.cli.plain_table import show_table

    rows = [_departure_row(here, one) for one in here.next_trains(count)]
    show_table(("train", "departs", "boarding until", "phase", "releases", "note"), rows)


def _departure_row(here: Station, one: object) -> tuple[str, ...]:
    from pilotage.app.train_output import phase_of
    from pilotage.app.trains import Departure, NoTrain

    if isinstance(one, NoTrain):
        return (f"{one.day}", "–", "–", "–", "–", one.why)
    assert isinstance(one, Departure)
    versions = ", ".join(here.versions_on(one)) or "–"
    return (f"{one.day}", _clock(one.departs), _clock(one.cutoff), phase_of(here, one) or "–", versions, one.moved)


def _clock(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M %Z}"
