"""`sign-off` and `waive`: what a person says about one release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, said
from pilotage.cli.planning import wish_of, wish_options


@click.command("sign-off")
@click.argument("role")
@click.argument("version")
@environment_option
@wish_options
@click.option("-m", "--comment", default="", help="Kept with it, and shown.")
@click.pass_obj
def sign_off(
    project: Project, /, role: str, version: str, environment: str | None, comment: str, **wished: Any
) -> None:
    """Sign off everything that the plan of VERSION wants of ROLE, such as qa-lead.

    It holds for this very plan, and this artifact where `readiness.artifact` names one. Where `people` are named, only
    those of the role may (exit 8).
    """
    from pilotage.app.plan import plan_for
    from pilotage.app.requests import SignOffRequest
    from pilotage.app.signoffs import sign_off as sign

    plan = plan_for(project.loaded, project.environment(environment), wish_of(project, version, **wished))
    for item in sign(project, project.actor, SignOffRequest(plan=plan, role=role, comment=comment)):
        click.echo(f"{item.id}: signed off for {version} in {plan.environment}, plan {plan.hash[:12]}")


@click.command()
@click.argument("item")
@click.argument("version")
@environment_option
@wish_options
@click.option("--role", required=True, help="Of whoever waives: the item's owner, or release-manager.")
@click.option("--because", required=True, callback=said, help="Why; it stays visible.")
@click.option(
    "--until", required=True, help="When it ends: for so long, such as 3d, or a time such as 2026-12-01T12:00."
)
@click.pass_obj
def waive(
    project: Project, /, item: str, version: str, environment: str | None, role: str, because: str, until: str,
    **wished: Any,
) -> None:  # fmt: skip
    """Release VERSION without ITEM, until a moment. The waiver is shown with the release, everywhere."""
    from pilotage.app.plan import plan_for
    from pilotage.app.requests import WaiverRequest
    from pilotage.app.signoffs import waive as sign

    now = project.clock.now()
    ends = _moment(until, now)
    plan = plan_for(project.loaded, project.environment(environment), wish_of(project, version, **wished))
    sign(project, project.actor, WaiverRequest(plan=plan, item=item, role=role, until=ends, reason=because))
    click.echo(
        f"{item}: waived for {version} in {plan.environment} until {datetime.fromtimestamp(ends, UTC):%F %R} UTC"
    )


def _moment(text: str, now: float) -> float:
    """Unix seconds of a duration from now or an ISO time (local where it names no zone). Raises BadParameter."""
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
