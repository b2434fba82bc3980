"""`pilotage drill`: practise a rollback before you need one."""

from __future__ import annotations

from typing import Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option
from pilotage.cli.wishes import Wished, wish_of, wish_options


@click.group()
def drill() -> None:
    """Practise a rollback before you need one."""


@drill.command("rollback")
@click.argument("version")
@environment_option
@wish_options
@click.option("--timeout", default="30m", show_default=True, help="Give up after this time (exit 6).")
@json_option
@click.pass_obj
def drill_rollback(
    project: Project, /, version: str, environment: str | None, timeout: str, as_json: bool, **wished: Unpack[Wished]
) -> None:
    """Release VERSION, roll it back, and time the rollback.

    Runs in the environment -e, or in `readiness.staging`. The release is real: users of that environment get VERSION
    until it is rolled back. Exits with 3 if the rollback took longer than the plan allows.
    """
    from pilotage.app.drill import drill_rollback as practise
    from pilotage.model.quantity import format_duration, parse_duration

    wish = wish_of(project, version, **wished)
    done = practise(project, project.actor, environment, wish, float(parse_duration(timeout)))
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import DrillOutput

        seconds = round(done.seconds, 3)
        show_json(DrillOutput(rollout=done.rollout, duration_seconds=seconds, limit_seconds=done.allowed))
    else:
        took, allowed = f"{done.seconds:.1f} s", format_duration(done.allowed)
        click.echo(
            f"{version} was rolled back in {done.environment} within {took}; the plan allows {allowed} ({done.rollout})"
        )
    raise SystemExit(0 if done.seconds <= done.allowed else 3)
