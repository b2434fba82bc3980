"""`deploy` and `watch`: start a rollout and follow it. Ctrl-C only detaches; the worker continues."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Unpack

import click

from pilotage.app.homes import Attended, attend, keep_up
from pilotage.app.project import Project
from pilotage.cli.exit import status_of
from pilotage.cli.options import environment_option, json_option
from pilotage.cli.wishes import Wished, wish_of, wish_options
from pilotage.model.record import Recorded

if TYPE_CHECKING:
    from pilotage.app.deploy import DeployResult
    from pilotage.app.follow import Look
    from pilotage.app.requests import DeployRequest


@click.command()
@click.argument("version")
@environment_option
@wish_options
@click.option("--detach", is_flag=True, help="Return as soon as the rollout has started.")
@click.option("--timeout", help="Stop following after this time, such as 10m (exit 6). The rollout continues.")
@click.option(
    "--on-conflict",
    type=click.Choice(["refuse", "queue", "replace"]),
    help="If another rollout is in progress: refuse, queue behind it, or replace it (roll it back first). "
    "Default: on_conflict in pilotage.yaml.",
)
@click.option(
    "--break-glass",
    is_flag=True,
    help="Emergency: skip freezes and gates, analyse only the first weight. Requires --reason.",
)
@click.option(
    "--yes", is_flag=True, help="Confirm that deploying the stable version rolls back the rollout in progress."
)
@json_option
@click.pass_obj
def deploy(
    project: Project,
    /,
    version: str,
    environment: str | None,
    detach: bool,
    timeout: str | None,
    on_conflict: str | None,
    break_glass: bool,
    yes: bool,
    as_json: bool,
    **wished: Unpack[Wished],
) -> None:
    """Plan VERSION, roll it out, and follow the rollout. Ctrl-C detaches; the worker continues.

    Exits with 3 if the plan has a conflict you did not accept, or if `readiness` is configured and the release is not
    ready.

    \b
        pilotage deploy 2.5.0 -e production
        pilotage deploy 2.5.1 --break-glass --reason "fixes the outage"
    """
    from pilotage.app.known_risk import planned
    from pilotage.app.requests import DeployRequest

    seconds = _seconds(timeout)
    if project.whole.configuration.services and project.service is None:
        raise SystemExit(_deploy_all(project, version, environment, detach, seconds, as_json))
    glass = _emergency_reason(wished) if break_glass else ""
    plan = planned(project, project.environment(environment), wish_of(project, version, **wished))
    wanted = on_conflict or project.loaded.configuration.on_conflict
    request = DeployRequest(plan=plan, on_conflict=wanted, emergency_reason=glass, may_undo=yes)
    with _shows_readiness():
        started = _begun(project, request)
    click.echo(started.sentence, err=True)
    if started.rollout is None:
        keep_up(project, plan.service, plan.environment)
        return
    attended = attend(project, started.rollout.service, started.rollout.environment) is not Attended.NOBODY
    if detach or not attended:
        _show_detached(as_json, rollout=started.rollout.id)
        raise SystemExit(0 if attended or detach else 6)
    status = follow(project, started.rollout.id, seconds, as_json)
    # The stable version was requested while another rolled out, so a rollback is the success.
    raise SystemExit(0 if status == 4 and version == started.rollout.old else status)


def _begun(project: Project, request: DeployRequest) -> DeployResult:
    """The rollout. On a terminal, ask before another one is rolled back for it."""
    from dataclasses import replace

    from pilotage.app.deploy import WouldUndo, deploy

    try:
        return deploy(project, project.actor, request)
    except WouldUndo as refused:
        if not sys.stdin.isatty():
            raise
        click.confirm(f"{str(refused).partition(' Confirm with')[0]} Continue?", abort=True)
        return deploy(project, project.actor, replace(request, may_undo=True))


def _emergency_reason(wished: Wished) -> str:
    """Take --reason as that of the emergency. With --accept, it stays that of the accepted conflicts, too."""
    reason = wished["accept_reason"]
    if not reason:
        raise click.UsageError("--break-glass requires --reason")
    if not wished["accept"]:
        wished["accept_reason"] = None
    return reason


@contextmanager
def _shows_readiness() -> Iterator[None]:
    """Print the checks of a release that is refused because it is not ready."""
    from pilotage.app.preconditions import GatesShut

    try:
        yield
    except GatesShut as refused:
        from pilotage.cli.ready import show

        show(refused.found, to_stderr=True)
        raise


def _show_detached(as_json: bool, rollout: str | None = None, group_id: str | None = None) -> None:
    """Print the id of what continues without this command."""
    if not as_json:
        click.echo(rollout or group_id)
        return
    from pilotage.cli.output import show_json
    from pilotage.model.output.rollouts import DetachedOutput

    show_json(DetachedOutput(rollout=rollout, group_id=group_id), line=True)


def _deploy_all(
    project: Project, version: str, environment: str | None, detach: bool, timeout: float | None, as_json: bool
) -> int:
    """Release every service together. Each line shows the service's name."""
    from pilotage.app.deploy_group import deploy_group
    from pilotage.app.requests import GroupRequest

    services = project.whole.configuration.services
    places = {name for section in services.values() for name in section.environments}
    if environment is None and len(places) > 1:
        raise click.UsageError(f"name the environment with -e: {', '.join(sorted(places))}")
    place = environment or next(iter(places))
    versions = dict.fromkeys(services, version)
    begun = deploy_group(project, project.actor, GroupRequest(environment=place, versions=versions))
    if not begun:
        click.echo(f"{version} already serves everywhere in {place}", err=True)
        return 0
    release = str(begun[0].group_id)
    click.echo(f"{release}: {version} of {', '.join(r.service for r in begun)} rolls out to {place}", err=True)
    project.ensure_worker()
    if detach:
        _show_detached(as_json, group_id=release)
        return 0
    return _follow_group(project, release, timeout, as_json)


def _follow_group(project: Project, release: str, timeout: float | None, as_json: bool) -> int:
    from pilotage.app.follow import follow_group
    from pilotage.cli.output import show_json
    from pilotage.render.lines import event_lines
    from pilotage.render.outputs import event_output

    ended = None
    for look in follow_group(project, release, every=0.2, timeout=timeout):
        ended = look.ended
        for service, event in look.events:
            if as_json:
                show_json(event_output(event, service), line=True)
            else:
                click.echo(f"{service:<12} {event_lines([event])[0]}")
    return 6 if ended is None else status_of(ended)


@click.command()
@environment_option
@click.option("--timeout", help="Stop following after this time, such as 10m (exit 6).")
@json_option
@click.option("--ticks", is_flag=True, help="With --json: also print what each tick observed.")
@click.pass_obj
def watch(project: Project, environment: str | None, timeout: str | None, as_json: bool, ticks: bool) -> None:
    """Follow the rollout in progress, or show how the last one ended."""
    from pilotage.app.shown import shown

    rollout = shown(project, environment)
    if not rollout.state.status.final:
        attend(project, rollout.service, rollout.environment)
    raise SystemExit(follow(project, rollout.id, _seconds(timeout), as_json, ticks))


def follow(project: Project, identity: str, timeout: float | None, as_json: bool = False, ticks: bool = False) -> int:
    """Show the rollout until it ends: a live view on a terminal, else one line per event. Returns the exit status."""
    live = sys.stdout.isatty() and not as_json
    try:
        if live:
            return _follow_live(project, identity, timeout)
        return _follow_lines(project, identity, timeout, as_json, ticks)
    except KeyboardInterrupt:
        click.echo(
            "\ndetached; the rollout continues. `pilotage watch` follows it, `pilotage abort` rolls it back",
            err=True,
        )
        return 6


def _follow_lines(project: Project, identity: str, timeout: float | None, as_json: bool, ticks: bool) -> int:
    from pilotage.app.follow import follow
    from pilotage.cli.output import show_json
    from pilotage.render.lines import event_lines
    from pilotage.render.outputs import event_output, tick_output

    seen, ended = 0.0, None
    for look in follow(project, identity, every=0.1, timeout=timeout):
        status, live = look.rollout.state.status, look.rollout.live
        if look.unattended:
            click.echo("no worker has picked it up yet: run `pilotage doctor`", err=True)
        for event in look.events:
            if as_json:
                show_json(event_output(event), line=True)
            else:
                click.echo(event_lines([event])[0])
        for line in _waits(look) if not as_json else ():
            click.echo(line)
        if as_json and ticks and live.at > seen:
            seen = live.at
            show_json(tick_output(status.value, live), line=True)
        ended = status if look.ended else None
    if ended is None:
        click.echo("timed out; the rollout continues", err=True)
        return 6
    return status_of(ended)


def _waits(look: Look) -> Iterator[str]:
    """Reported during silences: until when a decision is awaited, and that no worker is observing the rollout."""
    from pilotage.model.timestamp import local_deadline
    from pilotage.render.lines import local_clock

    if look.asks is not None:
        answers = ", ".join(f"`pilotage {name}`" for name in look.asks.commands)
        until = local_deadline(look.asks.until, look.rollout.state.at)
        yield f"waiting for a decision until {until}, then {look.asks.then}: {look.rollout.state.reason} ({answers})"
    if look.silent_since is not None:
        yield f"no worker has looked at it since {local_clock(look.silent_since)}: run `pilotage doctor`"


def _follow_live(project: Project, identity: str, timeout: float | None) -> int:
    from rich.live import Live

    from pilotage.app.follow import follow
    from pilotage.cli.edge import console
    from pilotage.render.live_view import rollout_view

    events, ended = list[Recorded](), None
    with Live(console=console(), auto_refresh=False) as screen:
        for look in follow(project, identity, every=0.15, timeout=timeout):
            events += look.events
            screen.update(rollout_view(look.rollout, events), refresh=True)
            ended = look.rollout.state.status if look.ended else None
    return 6 if ended is None else status_of(ended)


def _seconds(text: str | None) -> float | None:
    from pilotage.model.quantity import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
