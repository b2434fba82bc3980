"""`flag`: whom a release's flag reaches, the kill switch, and flags whose code should be gone."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.project import Project, environment_option, json_option

if TYPE_CHECKING:
    from pilotage.adapters.ports import Flags


@click.group()
def flag() -> None:
    """Read a release's flag, or turn it off for everyone at once."""


@flag.command("show")
@environment_option
@json_option
@click.pass_obj
def show(project: Project, environment: str | None, as_json: bool) -> None:
    """Whom the flag reaches now, as services are answered."""
    name = project.environment(environment)
    key, flags = _flag(project, name)
    ramp = flags.read()
    if as_json:
        click.echo(json.dumps({"schema": 1, "flag": key, "groups": ramp.groups, "share": ramp.share / 1000}))
        return
    groups = f", and the groups {', '.join(ramp.groups)}" if ramp.groups else ""
    click.echo(f"{key}: {ramp.share / 10:g} % of users{groups}")


@flag.command("kill")
@environment_option
@click.option("-m", "--reason", default="", help="Why; kept with the rollout.")
@click.pass_obj
def kill(project: Project, environment: str | None, reason: str) -> None:
    """Off for everyone, now: one write, read back, without worker, gate or freeze. A rollout under way is undone."""
    from pilotage.engine.store import StoreConflict
    from pilotage.model.flag import OFF
    from pilotage.model.rollout import CommandKind

    name = project.environment(environment)
    key, flags = _flag(project, name)
    began = time.monotonic()
    flags.apply(OFF)
    if flags.read() != OFF:
        click.echo(f"{key} is not off: somebody else writes it too", err=True)
        raise SystemExit(5)
    click.echo(f"{key} is off for everyone, read back after {time.monotonic() - began:.3f} s")
    latest = project.store.latest(project.loaded.configuration.service, name)
    if latest is not None and not latest.state.status.final:
        words = f"the flag was killed{': ' + reason if reason else ''}"
        with suppress(StoreConflict):  # it has ended meanwhile
            project.store.command(latest.id, CommandKind.ABORT, project.actor, words)


@flag.command("stale")
@environment_option
@json_option
@click.option("--fail", is_flag=True, help="Exit 3 when there is one, for CI.")
@click.pass_obj
def stale(project: Project, environment: str | None, as_json: bool, fail: bool) -> None:
    """Flags that everyone has had for longer than `toggle.flag_removal`: their code should be gone."""
    found = list(_stale(project, project.environment(environment), project.clock.now()))
    if as_json:
        click.echo(json.dumps({"schema": 1, "stale": found}, indent=2))
    for each in found if not as_json else []:
        click.echo(f"{each['flag']}: everyone has it for {each['days']:.0f} days, since {each['version']}")
    raise SystemExit(3 if fail and found else 0)


def _stale(project: Project, environment: str, now: float) -> list[dict[str, Any]]:
    from pilotage.model.answers import DeploymentStrategy
    from pilotage.model.record import Unreadable
    from pilotage.model.rollout import Status

    newest: dict[str, dict[str, Any]] = {}
    for rollout in project.store.history(project.loaded.configuration.service, environment, limit=500):
        ended, toggled = rollout.finished_at, rollout.strategy == DeploymentStrategy.FEATURE_TOGGLE
        if not (toggled and ended) or rollout.status is not Status.COMPLETED:
            continue
        try:
            whole = project.store.get(rollout.id)
        except Unreadable as error:
            click.echo(f"{error}: its flag is not looked at", err=True)
            continue
        section = whole.snapshot.section("flag")
        if section and now - ended > whole.plan.number("toggle.flag_removal"):
            days = (now - ended) / 86400
            newest.setdefault(section["key"], {"flag": section["key"], "days": days, "version": rollout.version})
    return list(newest.values())


def _flag(project: Project, environment: str) -> tuple[str, Flags]:
    """The flag's key and its adapter. The kill switch may not wait for a lease: it writes with the highest token."""
    from pilotage.adapters.context import Context
    from pilotage.adapters.fence import Fence, last_seen
    from pilotage.engine.targets import open_flags

    section = project.loaded.configuration.environments[environment].flag
    if section is None:
        raise click.UsageError(f"{project.loaded.place('environments', environment)}: no flag: is configured there")
    service = project.loaded.configuration.service
    place = project.directory / "run" / f"{service}-{environment}"
    token, _ = last_seen(place / "fence.json")
    context = Context(
        directory=place / "flags",
        fence=Fence(place / "fence.json", token),
        service=service,
        environment=environment,
        folder=project.config.resolve().parent,
    )
    return section.key, open_flags(section, context)
