"""Commands to a running rollout. Each is written down, taken up by the worker within a second, and answered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.adopting import see_to
from pilotage.cli.project import Project, environment_option

if TYPE_CHECKING:
    from pilotage.engine.returning import Started
    from pilotage.model.record import RolloutSummary

_ANSWER_DEADLINE = 15.0

_reason = click.option("-m", "--reason", default="", help="Why; kept with the rollout.")


def _send(project: Project, environment: str | None, kind: str, reason: str, full: bool = False) -> None:
    """Write the command down and wait until the worker has taken it up."""
    from pilotage.engine.entries import TOO_LATE
    from pilotage.engine.store import StoreConflict
    from pilotage.model.rollout import CommandKind

    rollout = _meant(project, environment)
    over = 0 if kind == "abort" else 7
    try:
        identity = project.store.command(rollout.id, CommandKind(kind), project.actor, reason, full)
    except StoreConflict:
        click.echo(f"nothing to do: {rollout.version} is {project.store.look_up(rollout.id).status}")
        raise SystemExit(over) from None
    if not see_to(project, rollout.service, rollout.environment):
        click.echo(f"{kind} is written down", err=True)
        raise SystemExit(6)
    until = time.monotonic() + _ANSWER_DEADLINE
    while time.monotonic() < until:
        if outcome := project.store.outcome(identity):
            click.echo(f"{kind} {rollout.version}: {outcome}")
            raise SystemExit(over if outcome.startswith(TOO_LATE) else 7 if outcome.startswith("refused") else 0)
        time.sleep(0.05)
    click.echo(
        f"{kind} is written down; no worker has taken it up in {_ANSWER_DEADLINE:g} s: see `pilotage doctor`",
        err=True,
    )
    raise SystemExit(6)


def _meant(project: Project, environment: str | None) -> RolloutSummary:
    """The rollout of the environment. Where nobody can read the configuration and the store knows several places, the
    one under way, if there is just one. Raises UsageError, ConfigError."""
    try:
        return project.newest(environment)
    except click.UsageError as unclear:
        if unclear.__cause__ is None:
            raise
        running = project.store.active()
        found = [
            one for one in running
            if environment in (None, one.environment) and project.service in (None, one.service)
        ]  # fmt: skip
        if len(found) != 1:
            raise
        return found[0]


def _command(kind: str, text: str) -> Any:
    @click.command(kind, help=text)
    @environment_option
    @_reason
    @click.pass_obj
    def command(project: Project, environment: str | None, reason: str) -> None:
        _send(project, environment, kind, reason)

    return command


pause = _command("pause", "Stay at the present weight. Limits stay live, and the pause has a deadline.")
resume = _command("resume", "Go on after a pause.")
retry = _command("retry", "Begin the watch of the present step again.")
approve = _command("approve", "Approve the step that waits for it.")
reject = _command("reject", "Refuse the step that waits for approval; the rollout is undone.")


@click.command()
@environment_option
@_reason
@click.option("--offline", is_flag=True, help="By the router's and the fleet's own files, without store or worker.")
@click.option("--to", help="With --offline: the version that all users go to; without it, the stable one.")
@click.pass_obj
def abort(project: Project, environment: str | None, reason: str, offline: bool, to: str | None) -> None:
    """Undo the rollout under way: traffic first. Never waits for a gate.

    With --offline all users go back to the stable version at once, also when the store is locked, full, dead or
    deleted and nobody can read pilotage.yaml. Nothing is stopped; the worker puts it into the record when it can.
    """
    if to and not offline:
        raise click.UsageError("--to goes with --offline; `pilotage rollback --to VERSION` goes by the store")
    if not offline:
        _send(project, environment, "abort", reason)
    from pilotage.engine.rescue import find_place, take_back_at

    place = find_place(project.directory, project.service, environment)
    click.echo(f"{place.name}: {take_back_at(place, to, project.actor)}")


@click.command()
@environment_option
@_reason
@click.option("--full", is_flag=True, help="Leave out every analysis that is left; each split is still read back.")
@click.pass_obj
def promote(project: Project, environment: str | None, reason: str, full: bool) -> None:
    """Go on to the next step now."""
    _send(project, environment, "promote", reason, full)


@click.command()
@environment_option
@_reason
@click.option("--to", help="A version that served here before; without it, the last good one.")
@click.option("--detach", is_flag=True, help="Return at once.")
@click.pass_obj
def rollback(project: Project, environment: str | None, reason: str, to: str | None, detach: bool) -> None:
    """Go back: undo the rollout under way, or return to the last good version without its analyses."""
    from pilotage.cli.running import follow

    started = _go_back(project, environment, to, reason)
    click.echo(started.sentence, err=True)
    if started.rollout is None:
        return
    attended = see_to(project, started.rollout.service, started.rollout.environment)
    if not detach:
        if not attended:
            raise SystemExit(6)
        status = follow(project, started.rollout.id, timeout=None)
        raise SystemExit(0 if status == 4 and not started.fresh else status)


def _go_back(project: Project, environment: str | None, to: str | None, reason: str) -> Started:
    from pilotage.app.rollback import go_back
    from pilotage.config.yaml_reader import ConfigError
    from pilotage.engine.returning import go_back_by_record

    service, name = project.place(environment)
    try:
        loaded = project.loaded
    except ConfigError:
        return go_back_by_record(project.store, service, name, to, project.actor, reason)
    return go_back(project.store, loaded, name, to, project.actor, reason)


@click.command()
@environment_option
@click.pass_obj
def clean(project: Project, environment: str | None) -> None:
    """Remove a failed environment that was kept for study; the worker stops its instances."""
    rollout = project.rollout(environment)
    if not rollout.state.preserved or not rollout.state.status.final:
        click.echo("nothing is kept for study")
        return
    project.store.clean(rollout.id, project.actor, project.clock.now())
    see_to(project, rollout.service, rollout.environment)
    click.echo(f"the failed environment with {rollout.version} goes")


@click.command()
@click.argument("name")
@environment_option
@_reason
@click.option("--for", "duration", help="From now on for so long, such as 4h or 3d.")
@click.option("--lift", is_flag=True, help="End it now.")
@click.pass_obj
def freeze(project: Project, name: str, environment: str | None, reason: str, duration: str | None, lift: bool) -> None:
    """Let no rollout begin, and none reach more users, while the freeze NAME reigns. Rolling back stays allowed."""
    from datetime import timedelta

    from pilotage.model.calendar import Freeze
    from pilotage.model.quantity import parse_duration
    from pilotage.rollout.windows import in_words

    place, service = project.environment(environment), project.loaded.configuration.service
    if lift:
        if not project.store.freezes.lift(service, place, name, project.actor):
            raise click.UsageError(f"no declared freeze is called {name!r}; those of pilotage.yaml are ended there")
        click.echo(f"the freeze {name!r} is over")
        return
    if duration is None or not reason:
        raise click.UsageError("say --for how long and --reason why, or --lift")
    try:
        seconds = float(parse_duration(duration))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from None
    begins = project.moment
    declared = Freeze(name, begins, begins + timedelta(seconds=seconds))
    project.store.freezes.declare(service, place, declared, project.actor, reason)
    click.echo(in_words(declared, project.loaded.configuration.calendar.zone))
