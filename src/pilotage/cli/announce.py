"""`announce`: preview, edit, approve, send, schedule or skip the announcements of a plan."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, Unpack
from zoneinfo import ZoneInfo

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option, said
from pilotage.cli.wishes import Wished, wish_of, wish_options, wish_options_beside_reason

if TYPE_CHECKING:
    from pilotage.model.announcement import Announced
    from pilotage.model.output.records import AnnouncementOutput
    from pilotage.model.plan import Plan

_range = click.option(
    "--range", "range_", metavar="A..B", help="Commits to describe. Default: those since the version that serves."
)


@click.group()
def announce() -> None:
    """Work with the plan's announcements: preview, edit, approve, send, schedule, skip."""


def _plan(project: Project, version: str, environment: str | None, wished: Wished, reason: str = "") -> Plan:
    from pilotage.app.plan import plan_for

    return plan_for(
        project.loaded, project.environment(environment), wish_of(project, version, **wished, reason=reason)
    )


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
    facts = facts_of(project.store, project.loaded, plan, range_)
    return text_of(announced, facts, folder, configuration.language)


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

    plan = _plan(project, version, environment, wished)
    found, now = announcements_of(project.store, plan), project.clock.now()
    zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import AnnouncementsOutput

        items = tuple(_output(one, now) for one in found)
        show_json(AnnouncementsOutput(version=version, announcements=items))
        return
    from pilotage.cli.plain_table import show_table

    rows = [
        (
            one.item, one.audience, one.owner,
            f"{datetime.fromtimestamp(one.due, zone):%Y-%m-%d %H:%M}" if one.due else "–",
            "overdue" if one.overdue(now) else one.state.value,
        )
        for one in found
    ]  # fmt: skip
    show_table(("announcement", "audience", "owner", "due", "state"), rows)


@announce.command()
@click.argument("version")
@environment_option
@wish_options
@click.pass_obj
def track(project: Project, /, version: str, environment: str | None, **wished: Unpack[Wished]) -> None:
    """Remind owners of overdue announcements of VERSION.

    Each owner gets a reminder once a day until the announcement is sent or skipped.
    """
    from pilotage.app.announcements import track as begin

    plan = _plan(project, version, environment, wished)
    count = begin(project, project.actor, plan)
    project.ensure_worker()
    click.echo(f"{len(plan.communication)} announcements of {version} are tracked, {count} of them from now on")


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
    if announced.text is None and (why := untrue(project.store, plan, item, text)):
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
@click.option("--at", "moment", help="Send at this time in the release's time zone, such as 2026-12-01T09:00.")
@click.pass_obj
def send(
    project: Project, /, item: str, version: str, environment: str | None, range_: str | None, moment: str | None,
    **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Send ITEM to its audience, now or at the time --at.

    It goes out through every channel of that audience. It must be approved.
    """
    from pilotage.app.announcements import send as tell
    from pilotage.app.requests import AnnouncementRequest

    plan = _plan(project, version, environment, wished)
    at = _moment(moment, plan) if moment else None
    text = _text(project, plan, _one(project, plan, item), range_)
    count = tell(project, project.actor, AnnouncementRequest(plan=plan, item=item, text=text, at=at))
    project.ensure_worker()
    click.echo(f"{item} {'is scheduled' if at else 'will be sent'} through {count} channel{'s' * (count != 1)}")


def _moment(text: str, plan: Plan) -> float:
    try:
        found = datetime.fromisoformat(text)
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


def _output(one: Announced, now: float) -> AnnouncementOutput:
    from pilotage.model.output.records import AnnouncementOutput
    from pilotage.model.timestamp import timestamp

    return AnnouncementOutput(
        item=one.item,
        title=one.title,
        audience=one.audience,
        owner=one.owner,
        state=one.state.value,
        due_at=timestamp(one.due),
        overdue=one.overdue(now),
        text=one.text,
        actor=one.actor,
        reason=one.reason,
    )
