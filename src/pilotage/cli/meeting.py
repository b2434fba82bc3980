"""`meeting`: meetings about releases, who was there, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TextIO

import click

from pilotage.app.project import Project
from pilotage.cli.days import LAST
from pilotage.cli.options import NUMBER, json_option

if TYPE_CHECKING:
    from pilotage.model.meeting import Meeting


@click.group()
def meeting() -> None:
    """Show meetings about releases; move or cancel one; record who attended and the minutes.

    Pilotage invites people by mail: `people.NAME.email`.
    """


@meeting.command("list")
@click.option("--all", "everything", is_flag=True, help="Include meetings that are over or were cancelled.")
@json_option
@click.pass_obj
def show_all(project: Project, everything: bool, as_json: bool) -> None:
    """List meetings by date."""
    from pilotage.app.meeting_commands import meetings_here, meetings_output, when
    from pilotage.app.meetings import not_invited

    found = meetings_here(project, everything=everything)
    zone = project.loaded.configuration.calendar.timezone
    if as_json:
        from pilotage.cli.output import show_json

        show_json(meetings_output(found))
        return
    from pilotage.cli.plain_table import show_table

    rows = [
        (str(one.id), when(one, zone), one.title, f"{one.minutes} min", one.state.value, _people(one)) for one in found
    ]
    show_table(("meeting", "when", "what", "length", "state", "people"), rows)
    if found and (why := not_invited(project)):
        click.echo(f"note: {why}", err=True)


def _people(one: Meeting) -> str:
    if one.attended or one.absent:
        return ", ".join([*one.attended, *(f"{name} (absent)" for name in one.absent)])
    return ", ".join(guest.name if guest.required else f"{guest.name} (optional)" for guest in one.guests)


@meeting.command()
@click.argument("number", type=NUMBER)
@click.argument("begins", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]))
@click.pass_obj
def move(project: Project, number: int, begins: datetime) -> None:
    """Move meeting NUMBER to another time.

    BEGINS is a time such as 2026-12-01T14:00, in the calendar's time zone. The guests get mail.
    """
    from pilotage.app.meeting_commands import move as moved

    if begins.date() > LAST:
        raise click.BadParameter(f"{begins:%Y-%m-%d} is after {LAST}", param_hint="BEGINS")
    made = moved(project, project.actor, number, begins)
    click.echo(f"meeting {number}: {begins:%A, %Y-%m-%d %H:%M}, {len(made.guests)} invited")


@meeting.command()
@click.argument("number", type=NUMBER)
@click.pass_obj
def cancel(project: Project, number: int) -> None:
    """Cancel meeting NUMBER.

    The guests get mail.
    """
    from pilotage.app.meeting_commands import cancel as cancelled

    cancelled(project, project.actor, number)
    click.echo(f"meeting {number} is cancelled")


@meeting.command()
@click.argument("number", type=NUMBER)
@click.argument("names", nargs=-1)
@click.option("--absent", multiple=True, metavar="NAME", help="Person who did not attend. Repeatable.")
@click.pass_obj
def attended(project: Project, number: int, names: tuple[str, ...], absent: tuple[str, ...]) -> None:
    """Record that NAMES attended meeting NUMBER."""
    from pilotage.app.meeting_commands import note_attendance

    if not names and not absent:
        raise click.UsageError("name who attended, or --absent NAME")
    made = note_attendance(project, project.actor, number, names, absent)
    click.echo(f"meeting {number}: {_people(made)}")


@meeting.command()
@click.argument("number", type=NUMBER)
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
@click.pass_obj
def minutes(project: Project, number: int, file: TextIO | None) -> None:
    """Show or record the minutes of meeting NUMBER.

    FILE has the minutes; - is standard input. Without it, the minutes are shown.
    """
    from pilotage.app.meeting_commands import meeting_here, note_minutes

    if file is None:
        click.echo(meeting_here(project, number).record or f"meeting {number} has no minutes")
        return
    note_minutes(project, project.actor, number, file.read())
    click.echo(f"meeting {number}: minutes recorded")
