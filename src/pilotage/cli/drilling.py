"""`pilotage drill`: practise what must work when it counts."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.planning import wish_of, wish_options
from pilotage.cli.project import Project, environment_option, json_option

if TYPE_CHECKING:
    from pilotage.model.record import Rollout


@click.group()
def drill() -> None:
    """Practise what must work when it counts."""


@drill.command("rollback")
@click.argument("version")
@environment_option
@wish_options
@click.option("--timeout", default="30m", show_default=True, help="Give up after this long (exit 6).")
@json_option
@click.pass_obj
def drill_rollback(
    project: Project, /, version: str, environment: str | None, timeout: str, as_json: bool, **wished: Any
) -> None:
    """Release VERSION, let it reach users, undo it, and say how long that took.

    Where: `-e`, or `readiness.staging`. Nothing is pretended: whoever uses that environment meets VERSION meanwhile.
    """
    from pilotage.app.deploy import deploy
    from pilotage.app.plan import plan_for
    from pilotage.app.requests import DeployRequest
    from pilotage.model.quantity import format_duration, parse_duration
    from pilotage.model.rollout import CommandKind, Status

    place = _place(project, environment)
    store = project.store
    if not store.serving(project.loaded.configuration.service, place):
        raise click.UsageError(f"nothing serves {place} yet, so there is nothing to go back to: deploy there first")
    plan = plan_for(project.loaded, place, wish_of(project, version, **wished))
    started = deploy(store, project.loaded, plan, DeployRequest(project.actor))
    if started.rollout is None or not started.fresh:
        raise click.UsageError(f"{started.sentence}: drill with another version")
    click.echo(started.sentence, err=True)
    project.ensure_worker()
    until = time.monotonic() + parse_duration(timeout)
    reached = _until(project, started.rollout.id, until, reached=True)
    if not reached.state.status.final:
        store.command(reached.id, CommandKind.ROLLBACK, project.actor, "a drill")
        project.ensure_worker()
        reached = _until(project, reached.id, until, reached=False)
    if reached.state.status is not Status.ROLLED_BACK:
        click.echo(f"{version} is {reached.state.status}: {reached.state.reason}", err=True)
        raise SystemExit(5)
    took = _took(project, reached)
    if as_json:
        content = {"schema": 1, "rollout": reached.id, "seconds": round(took, 3), "allowed": plan.rollback.deadline}
        click.echo(json.dumps(content))
    else:
        allowed = format_duration(plan.rollback.deadline)
        click.echo(f"{version} was undone in {place} within {took:.1f} s; the plan allows {allowed} ({reached.id})")
    raise SystemExit(0 if took <= plan.rollback.deadline else 3)


def _place(project: Project, environment: str | None) -> str:
    section = project.loaded.configuration.readiness
    return project.environment(environment or (section.staging if section else None))


def _until(project: Project, identity: str, until: float, *, reached: bool) -> Rollout:
    """The rollout when users have its version, or, with `reached` off, when it has ended."""
    while time.monotonic() < until:
        rollout = project.store.get(identity)
        if rollout.state.status.final or (reached and rollout.state.reached > 0):
            return rollout
        time.sleep(0.1)
    click.echo("timed out; the rollout goes on: `pilotage watch`", err=True)
    raise SystemExit(6)


def _took(project: Project, rollout: Rollout) -> float:
    """Seconds from the begin of the rollback to its end, by its own events."""
    from pilotage.model.events import RollbackStarted, RolledBack

    at = {type(event.what): event.at for event in project.store.events(rollout.id)}
    return at[RolledBack] - at[RollbackStarted]
