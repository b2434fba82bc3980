"""`deploy` and `watch`: begin a rollout and follow it. Ctrl-C only stops following; the worker goes on."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from pilotage.cli.planning import wish_of, wish_options
from pilotage.cli.project import Project, environment_option, json_option, outcome_status


@click.command()
@click.argument("version")
@environment_option
@wish_options
@click.option("--detach", is_flag=True, help="Return as soon as the rollout has begun.")
@click.option("--wait/--no-wait", default=True, help="Follow to the end (the default), or the same as --detach.")
@click.option("--timeout", help="Stop following after this long (exit 6); the rollout goes on.")
@click.option(
    "--if-busy",
    type=click.Choice(["refuse", "queue", "supersede"]),
    help="While another rolls out: refuse, wait its turn, or undo it first. Default: `when_busy` of the configuration.",
)
@click.option("--break-glass", is_flag=True, help="In spite of freezes and gates, hardly watched; wants a --reason.")
@json_option
@click.pass_obj
def deploy(
    project: Project,
    /,
    version: str,
    environment: str | None,
    detach: bool,
    wait: bool,
    timeout: str | None,
    if_busy: str | None,
    break_glass: bool,
    as_json: bool,
    **wished: Any,
) -> None:
    """Plan VERSION and roll it out. Ctrl-C detaches; the rollout goes on in the worker.

    A plan with a conflict that nobody accepted is not executed (exit 3).
    """
    from pilotage.engine.deployments import Asked
    from pilotage.engine.deployments import deploy as begin
    from pilotage.engine.plans import plan_for
    from pilotage.engine.supervisor import ensure_worker

    seconds = _seconds(timeout)
    glass = (wished["reason"] or "") if break_glass else ""
    if break_glass and not glass:
        raise click.UsageError("--break-glass wants a --reason")
    if break_glass and not wished["accept"]:
        wished["reason"] = None
    plan = plan_for(project.loaded, project.environment(environment), wish_of(project, version, **wished))
    busy = if_busy or project.loaded.configuration.when_busy
    asked = Asked(project.actor, busy, glass)
    started = begin(project.store, project.loaded, plan, asked)
    click.echo(started.sentence, err=True)
    if started.rollout is None:
        return
    ensure_worker(project.directory)
    if detach or not wait:
        click.echo(json.dumps({"rollout": started.rollout.id}) if as_json else started.rollout.id)
        return
    raise SystemExit(follow(project, started.rollout.id, seconds, as_json))


@click.command()
@environment_option
@click.option("--timeout", help="Stop following after this long (exit 6).")
@json_option
@click.pass_obj
def watch(project: Project, environment: str | None, timeout: str | None, as_json: bool) -> None:
    """Follow the rollout under way, or show how the last one ended."""
    rollout = project.rollout(project.environment(environment))
    if not rollout.state.status.final:
        from pilotage.engine.supervisor import ensure_worker

        ensure_worker(project.directory)
    raise SystemExit(follow(project, rollout.id, _seconds(timeout), as_json))


def follow(project: Project, identity: str, timeout: float | None, as_json: bool = False) -> int:
    """Show the rollout until it ends; returns the exit status. On a terminal a live view, else a line an event."""
    live = sys.stdout.isatty() and not as_json
    try:
        return _follow_live(project, identity, timeout) if live else _follow_lines(project, identity, timeout, as_json)
    except KeyboardInterrupt:
        click.echo(
            "\ndetached; the rollout goes on: `pilotage watch` to see it, `pilotage abort` to undo it",
            err=True,
        )
        return 6


def _follow_lines(project: Project, identity: str, timeout: float | None, as_json: bool) -> int:
    from pilotage.engine.store import sentences

    shown, until = 0, None if timeout is None else time.monotonic() + timeout
    while True:
        rollout = project.store.get(identity)
        for event in project.store.events(identity, shown):
            shown = event.number
            click.echo(json.dumps(vars(event)) if as_json else sentences([event])[0])
        if rollout.state.status.final and shown >= rollout.events:
            return outcome_status(rollout)
        if until is not None and time.monotonic() >= until:
            click.echo("timed out waiting; the rollout goes on", err=True)
            return 6
        time.sleep(0.1)


def _follow_live(project: Project, identity: str, timeout: float | None) -> int:
    from rich.live import Live

    from pilotage.cli.live_view import rollout_view

    until = None if timeout is None else time.monotonic() + timeout
    with Live(auto_refresh=False) as screen:
        while True:
            rollout = project.store.get(identity)
            screen.update(rollout_view(rollout, project.store.events(identity)), refresh=True)
            if rollout.state.status.final:
                return outcome_status(rollout)
            if until is not None and time.monotonic() >= until:
                return 6
            time.sleep(0.15)


def _seconds(text: str | None) -> float | None:
    from pilotage.model.quantity import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
