"""`announce`: preview, edit, approve, send, schedule or skip the announcements of a plan."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, Unpack
from zoneinfo import ZoneInfo

import click

from pilotage.app.project import Project
from pilotage.cli.days import FIRST, LAST
from pilotage.cli.options import environment_option, json_option, said
from pilotage.cli.outreach import accounts, answered
from pilotage.cli.wishes import Wished, wish_of, wish_options, wish_options_beside_reason
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.model.announcement import Announced
    from pilotage.model.plan import Plan

_range = click.option(
    "--range", "range_", metavar="A..B", help="Commits to describe. Default: those since the version that serves."
)


@click.group()
def announce() -> None:
    """Work with the plan's announcements: preview, edit, approve, send, schedule, skip."""


def _plan(project: Project, version: str, environment: str | None, wished: Wished, reason: str = "") -> Plan:
    from pilotage.app.known_risk import planned

    return planned(project, project.environment(environment), wish_of(project, version, **wished, reason=reason))


def _one(project: Project, plan: Plan, item: str) -> Announced:
    from pilotage.app.announcements import UnknownAnnouncement, announcements_of

    found = {announced.item: announced for announced in announcements_of(project.store, plan)}
    if item not in found:
        raise UnknownAnnouncement(f"this plan has no announcement {item!r}; it has {', '.join(found)}")
    return found[item]


def _text(project: Project, plan: Plan, announced: Announced, range_: str | None) -> str:
    from pilotage.app.announcement_text import facts_of, text_of

    configuration = project.loaded.configuration
    folder = project.loaded.folder / configuration.templates if configuration.templates else None
    facts = facts_of(project.store, project.loaded, plan, range_, announced.item)
    return text_of(announced, facts, folder, configuration.language)


announce.add_command(accounts)
announce.add_command(answered)


@announce.command("list")
@click.argument("version")
@environment_option
@wish_options
@json_option
@click.pass_obj
def show_all(
    project: Project, /, version: str, environment: str | None, as_json: bool, **wished: Unpack[Wished]
) -> None:
    """List the announcements of VERSION.

    Shows audience, owner, due time and state of each.
    """
    from pilotage.app.announcements import announcements_of
    from pilotage.render.announcement_list import output_of, state_of

    plan = _plan(project, version, environment, wished)
    found, now = announcements_of(project.store, plan), project.clock.now()
    zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import AnnouncementsOutput

        items = tuple(output_of(one, now) for one in found)
        show_json(AnnouncementsOutput(version=version, announcements=items))
        return
    from pilotage.cli.plain_table import show_table

    rows = [
        (
            one.item, one.audience, one.owner,
            f"{datetime.fromtimestamp(one.due, zone):%Y-%m-%d %H:%M}" if one.due else "–",
            state_of(one, now, zone), ", ".join(one.told),
        )
        for one in found
    ]  # fmt: skip
    show_table(("announcement", "audience", "owner", "due", "state", "sent to"), rows)


@announce.command()
@click.argument("version")
@environment_option
@wish_options
@click.pass_obj
def track(project: Project, /, version: str, environment: str | None, **wished: Unpack[Wished]) -> None:
    """Remind owners of overdue announcements of VERSION.

    One reminder a day names what is overdue and who owns it, for two weeks or until
    it is sent or skipped.
    """
    from pilotage.app.announcement_tracking import track as begin

    plan = _plan(project, version, environment, wished)
    tracked = begin(project, project.actor, plan)
    project.ensure_worker()
    click.echo(f"{len(plan.communication)} announcements of {version} are tracked, {tracked.new} of them from now on")
    if tracked.again:
        click.echo(f"told again, with the new date: {', '.join(tracked.again)}")
    for item in tracked.rewrite:
        click.echo(f"{item} told the old date in your words; next: `pilotage announce edit {item} {version} FILE`")


@announce.command()
@click.argument("item")
@click.argument("version")
@environment_option
@wish_options
@_range
@click.pass_obj
def show(
    project: Project, /, item: str, version: str, environment: str | None, range_: str | None, **wished: Unpack[Wished]
) -> None:
    """Preview ITEM with the facts known now."""
    plan = _plan(project, version, environment, wished)
    from pilotage.app.announcement_truth import untrue

    announced = _one(project, plan, item)
    text = _text(project, plan, announced, range_)
    click.echo(text)
    if announced.text is None and (why := untrue(project.store, plan, item, text, announced.after)):
        click.echo(f"it cannot be sent as it is: {why}", err=True)


@announce.command()
@click.argument("item")
@click.argument("version")
@click.argument("file", type=click.File(encoding="utf-8"))
@environment_option
@wish_options
@click.pass_obj
def edit(
    project: Project, /, item: str, version: str, file: TextIO, environment: str | None, **wished: Unpack[Wished]
) -> None:
    """Replace the text of ITEM by FILE (- for standard input).

    The owner must approve it again.
    """
    from pilotage.app.announcements import edit as change
    from pilotage.app.requests import AnnouncementRequest
    from pilotage.render.sandbox import MOST

    plan, text = _plan(project, version, environment, wished), file.read(MOST + 1)
    if not text.strip() or len(text) > MOST:
        raise click.UsageError(f"{file.name} must hold between one and {MOST} characters")
    change(project, project.actor, AnnouncementRequest(plan=plan, item=item, text=text))
    click.echo(f"text of {item} saved; next: `pilotage announce approve {item} {version}`")


@announce.command()
@click.argument("item")
@click.argument("version")
@environment_option
@wish_options
@click.pass_obj
def approve(project: Project, /, item: str, version: str, environment: str | None, **wished: Unpack[Wished]) -> None:
    """Approve ITEM for sending.

    If `people` is configured, only its owner can approve.
    """
    from pilotage.app.announcements import approve as allow
    from pilotage.app.requests import AnnouncementRequest

    plan = _plan(project, version, environment, wished)
    allow(project, project.actor, AnnouncementRequest(plan=plan, item=item))
    click.echo(f"{item} is approved by {project.actor}")


@announce.command()
@click.argument("item")
@click.argument("version")
@environment_option
@wish_options
@_range
@click.option("--at", "moment", help="Not before this time in the release's time zone, such as 2026-12-01T09:00.")
@click.option("--on", "event", type=click.Choice(["start", "completed"]), help="When the rollout gets there.")
@click.pass_obj
def send(
    project: Project, /, item: str, version: str, environment: str | None, range_: str | None, moment: str | None,
    event: str | None, **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Send ITEM now, at a time, or with its release.

    It goes out through every channel of that audience. It must be approved. What speaks of a started or completed
    release waits for that, also with --at. A rollback withdraws what has not been sent.
    """
    from pilotage.app.announcements import send as tell
    from pilotage.app.requests import AnnouncementRequest
    from pilotage.model.schedule import After

    plan = _plan(project, version, environment, wished)
    at = _moment(moment, plan) if moment else None
    text = _text(project, plan, _one(project, plan, item), range_)
    asked = AnnouncementRequest(plan=plan, item=item, text=text, at=at, on=After(event or ""))
    sending = tell(project, project.actor, asked)
    project.ensure_worker()
    through = f"through {counted(sending.channels, 'channel')}"
    match sending.state.value, sending.moment:
        case "waiting", After.ROLLED_BACK:
            click.echo(f"{item} will be sent to everyone who was told of {version}")
        case "waiting", _:
            click.echo(f"{item} waits for the {_MOMENTS[sending.moment]} of {version}, then goes out {through}")
        case "scheduled", _:
            click.echo(f"{item} is scheduled {through}")
        case _:
            click.echo(f"{item} will be sent {through}")


_MOMENTS = {"start": "start", "completed": "completion"}


def _moment(text: str, plan: Plan) -> float:
    try:
        found = datetime.fromisoformat(text)
        if not FIRST <= found.date() <= LAST:
            raise ValueError(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time such as 2026-12-01T09:00", param_hint="--at") from None
    zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()


@announce.command()
@click.argument("item")
@click.argument("version")
@environment_option
@wish_options_beside_reason
@click.option("-m", "--reason", required=True, callback=said, help="Why. Stored with the release.")
@click.pass_obj
def skip(
    project: Project, /, item: str, version: str, environment: str | None, reason: str, **wished: Unpack[Wished]
) -> None:
    """Skip ITEM for this release."""
    from pilotage.app.announcements import skip as leave_out
    from pilotage.app.requests import AnnouncementRequest

    plan = _plan(project, version, environment, wished, reason)
    leave_out(project, project.actor, AnnouncementRequest(plan=plan, item=item, reason=reason))
    click.echo(f"{item} is skipped: {reason}")


@announce.command()
@click.argument("item")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def template(item: str, output: Path | None) -> None:
    """Print the template of ITEM.

    To use your own, save it in the folder that `templates:` names in pilotage.yaml, and edit it.
    """
    from pilotage.render.announcement import template_of

    text = template_of(item)
    if output is None:
        click.echo(text, nl=False)
        return
    from pilotage.app.output import write_file

    write_file(output, text)
    click.echo(f"written: {output}", err=True)
