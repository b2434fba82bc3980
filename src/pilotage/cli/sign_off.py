"""`sign-off` and `waive`: a person approves or waives readiness items of one release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, said
from pilotage.cli.wishes import Wished, wish_of, wish_options_beside_reason


@click.command("sign-off")
@click.argument("role")
@click.argument("version")
@environment_option
@wish_options_beside_reason
@click.option("-m", "--reason", default="", help="Why. Stored and shown with the sign-off.")
@click.pass_obj
def sign_off(
    project: Project, /, role: str, version: str, environment: str | None, reason: str, **wished: Unpack[Wished]
) -> None:
    """Sign off every item that the plan of VERSION requires of ROLE, such as qa-lead.

    A sign-off is valid for this plan, and for this artifact if `readiness.artifact` names one. If `people` is
    configured, only people with the role can sign off (otherwise exit 8).
    """
    from pilotage.app.plan import plan_for
    from pilotage.app.requests import SignOffRequest
    from pilotage.app.signoffs import sign_off as sign

    plan = plan_for(
        project.loaded, project.environment(environment), wish_of(project, version, **wished, reason=reason)
    )
    for item in sign(project, project.actor, SignOffRequest(plan=plan, role=role, comment=reason)):
        click.echo(f"{item.id}: signed off for {version} in {plan.environment}, plan {plan.hash[:12]}")


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
    from pilotage.app.plan import plan_for
    from pilotage.app.requests import WaiverRequest
    from pilotage.app.signoffs import waive as sign

    now = project.clock.now()
    ends = _moment(until, now)
    plan = plan_for(
        project.loaded, project.environment(environment), wish_of(project, version, **wished, reason=reason)
    )
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
            ends = datetime.fromisoformat(text).timestamp()
        except ValueError:
            words = f"{text!r} is neither a duration such as 3d nor a time such as 2026-12-01T12:00"
            raise click.BadParameter(words, param_hint="--until") from None
    if ends <= now:
        raise click.BadParameter(f"{text} is over already", param_hint="--until")
    return ends
