"""`sign-off` and `waive`: a person approves or waives readiness items of one release."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.days import FIRST, LAST
from pilotage.cli.options import environment_option, said
from pilotage.cli.wishes import Wished, wish_of, wish_options_beside_reason
from pilotage.model.schedule import Requirement


@click.command("sign-off")
@click.argument("role")
@click.argument("version")
@environment_option
@wish_options_beside_reason
@click.option("--item", "items", multiple=True, metavar="ITEM", help="Sign off this item. Can be repeated.")
@click.option("--all", "every", is_flag=True, help="Sign off all items of the role.")
@click.option("-m", "--reason", default="", help="Why. Stored and shown with the sign-off.")
@click.pass_obj
def sign_off(
    project: Project, /, role: str, version: str, environment: str | None,
    items: tuple[str, ...], every: bool, reason: str, **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Sign off items that the plan of VERSION requires of ROLE, such as qa-lead.

    If the role owes several items, name them with --item, or use --all. On a terminal, Pilotage asks about each one.

    A sign-off is valid for this plan, for this artifact if `readiness.artifact` names one, and for the draft or the
    documents that belong to the item. Exits with 3 if something else that an item needs is missing. If `people` is
    configured, only people with the role can sign off (otherwise exit 8).
    """
    from pilotage.app.known_risk import planned
    from pilotage.app.permissions import role_called
    from pilotage.app.requests import SignOffRequest
    from pilotage.app.signoffs import items_for
    from pilotage.app.signoffs import sign_off as sign

    if items and every:
        raise click.UsageError("--item and --all exclude each other")
    plan = planned(project, project.environment(environment), wish_of(project, version, **wished, reason=reason))
    if not items and not every:
        items = _chosen(items_for(plan, role_called(role)))
    done = sign(project, project.actor, SignOffRequest(plan=plan, role=role, items=items, comment=reason))
    for item in done.signed:
        click.echo(f"{item.id}: signed off for {version} in {plan.environment}, plan {plan.hash[:12]}")
    for item, why in done.refused:
        click.echo(f"{item.id}: not signed off: {why}", err=True)
    if done.refused:
        raise SystemExit(3)


def _chosen(theirs: Sequence[Requirement]) -> tuple[str, ...]:
    """The only item, or the ones that somebody at the terminal chooses."""
    if len(theirs) == 1:
        return (theirs[0].id,)
    if not sys.stdin.isatty():
        listed = "\n".join(f"  --item {item.id}  ({item.title})" for item in theirs)
        raise click.UsageError(f"the role owes {len(theirs)} items: name them, or use --all\n{listed}")
    found = tuple(item.id for item in theirs if click.confirm(f"{item.id}: {item.title}?"))
    if not found:
        raise click.Abort
    return found


@click.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@click.argument("version")
@environment_option
@wish_options_beside_reason
@click.option("--role", required=True, help="Your role: the item's owner, or release-manager.")
@click.option("-m", "--reason", required=True, callback=said, help="Why. It stays visible with the release.")
@click.option(
    "--until", required=True, help="End of the waiver: a duration such as 3d, or a time such as 2026-12-01T12:00."
)
@click.pass_obj
def waive(
    project: Project, /, items: tuple[str, ...], version: str, environment: str | None, role: str, reason: str,
    until: str, **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Let VERSION start without some items until a given time.

    Every view of the release shows the waiver. `readiness.waivers` limits how many items one person can waive.
    """
    from pilotage.app.known_risk import planned
    from pilotage.app.requests import WaiverRequest
    from pilotage.app.signoffs import waive as sign

    now = project.clock.now()
    ends = _moment(until, now)
    plan = planned(project, project.environment(environment), wish_of(project, version, **wished, reason=reason))
    request = WaiverRequest(plan=plan, items=items, role=role, until=ends, reason=reason)
    for waived in sign(project, project.actor, request):
        until_when = f"{datetime.fromtimestamp(ends, UTC):%F %R} UTC"
        click.echo(f"{waived.item}: waived for {version} in {plan.environment} until {until_when}")


def _moment(text: str, now: float) -> float:
    """Parse a duration from now or an ISO time (local if it has no zone) to Unix seconds. Raises BadParameter."""
    from pilotage.model.quantity import parse_duration

    try:
        ends = now + parse_duration(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
            if not FIRST <= found.date() <= LAST:
                raise ValueError(text)
            ends = found.timestamp()
        except ValueError:
            words = f"{text!r} is neither a duration such as 3d nor a time such as 2026-12-01T12:00"
            raise click.BadParameter(words, param_hint="--until") from None
    if ends <= now:
        raise click.BadParameter(f"{text} is over already", param_hint="--until")
    return ends
