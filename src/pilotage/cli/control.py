"""Commands to a running rollout. Each is recorded, picked up by the worker within a second, and answered."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, reason_option


def _send(project: Project, environment: str | None, kind: str, reason: str, full: bool = False) -> None:
    """Record the command and wait until the worker has executed it."""
    from pilotage.app.commands import End, submit
    from pilotage.app.requests import CommandRequest
    from pilotage.model.rollout import CommandKind

    request = CommandRequest(kind=CommandKind(kind), environment=environment, reason=reason, full=full)
    answer = submit(project, project.actor, request)
    over = 0 if kind == "abort" else 7
    match answer.end:
        case End.TOO_LATE if not answer.sentence:
            click.echo(f"nothing to do: {answer.version} is {answer.status}")
        case End.UNATTENDED:
            click.echo(f"{kind} is recorded", err=True)
        case End.UNANSWERED:
            click.echo(f"{kind} is recorded; {answer.sentence}: run `pilotage doctor`", err=True)
        case _:
            click.echo(f"{kind} {answer.version}: {answer.sentence}")
    status = {End.DONE: 0, End.REFUSED: 7, End.TOO_LATE: over, End.UNATTENDED: 6, End.UNANSWERED: 6}
    raise SystemExit(status[answer.end])


def _command(kind: str, text: str) -> click.Command:
    @click.command(kind, help=text)
    @environment_option
    @reason_option
    @click.pass_obj
    def command(project: Project, environment: str | None, reason: str) -> None:
        _send(project, environment, kind, reason)

    return command


pause = _command("pause", "Hold the current weight. Rollback limits stay active. The pause ends at `pause.timeout`.")
resume = _command("resume", "Continue after a pause, or despite an alert.")
retry = _command("retry", "Restart the checks and the analysis of the current step.")
approve = _command("approve", "Approve the step that is waiting for approval.")
reject = _command("reject", "Reject the step that is waiting for approval, and roll back.")


@click.command()
@environment_option
@reason_option
@click.option("--offline", is_flag=True, help="Use only the router's and the fleet's files: no store, no worker.")
@click.option("--to", help="With --offline: the version to send all users to. Default: the stable version.")
@click.pass_obj
def abort(project: Project, environment: str | None, reason: str, offline: bool, to: str | None) -> None:
    """Roll back the rollout in progress, traffic first. Never waits for a gate.

    --offline sends all users back to the stable version, even if the store is locked, full, down or deleted, or
    pilotage.yaml cannot be read. It stops no process. The worker records the abort when the store is back.
    """
    if to and not offline:
        raise click.UsageError(
            "--to requires --offline. To return to a version by the store, use `pilotage rollback --to VERSION`"
        )
    if not offline:
        _send(project, environment, "abort", reason)
    from pilotage.app.commands import take_back_offline

    name, sentence = take_back_offline(project, project.actor, environment, to)
    click.echo(f"{name}: {sentence}")


@click.command()
@environment_option
@reason_option
@click.option("--full", is_flag=True, help="Skip all remaining analysis. Every weight change is still confirmed.")
@click.pass_obj
def promote(project: Project, environment: str | None, reason: str, full: bool) -> None:
    """Advance to the next step now, and accept the metrics that speak against it."""
    _send(project, environment, "promote", reason, full)


@click.command()
@environment_option
@reason_option
@click.option("--to", help="An earlier version of this environment. Default: the last good one.")
@click.option("--detach", is_flag=True, help="Return immediately.")
@click.pass_obj
def rollback(project: Project, environment: str | None, reason: str, to: str | None, detach: bool) -> None:
    """Roll back the rollout in progress, or return to the last good version."""
    from pilotage.app.homes import Attended, attend
    from pilotage.app.requests import RollbackRequest
    from pilotage.app.rollback import go_back
    from pilotage.cli.following import follow

    started = go_back(project, project.actor, RollbackRequest(environment=environment, to=to, reason=reason))
    click.echo(started.sentence, err=True)
    if started.rollout is None:
        return
    attended = attend(project, started.rollout.service, started.rollout.environment)
    if not detach:
        if attended is Attended.NOBODY:
            raise SystemExit(6)
        status = follow(project, started.rollout.id, timeout=None)
        raise SystemExit(0 if status == 4 and not started.fresh else status)


@click.command()
@environment_option
@click.pass_obj
def cleanup(project: Project, environment: str | None) -> None:
    """Delete a failed environment that was kept for debugging. The worker stops its instances."""
    from pilotage.app.commands import clean_up

    version = clean_up(project, project.actor, environment)
    click.echo(f"deleting the failed environment with {version}" if version else "no failed environment is kept")


@click.command()
@click.argument("name", required=False)
@environment_option
@reason_option
@click.option("--for", "duration", help="How long from now, such as 4h or 3d.")
@click.option("--lift", is_flag=True, help="End the freeze now.")
@click.pass_obj
def freeze(
    project: Project, name: str | None, environment: str | None, reason: str, duration: str | None, lift: bool
) -> None:
    """Block new rollouts and further exposure while the freeze NAME is active. Rollbacks are allowed.

    Without NAME, `freeze` lists the freezes that are active or still to come.

    \b
        pilotage freeze launch --for 4h -m "marketing launch"
        pilotage freeze launch --lift
    """
    from pilotage.app import freezes
    from pilotage.app.requests import FreezeRequest
    from pilotage.model.quantity import parse_duration

    if name is None or (name == "list" and not lift and duration is None):
        _list_freezes(project, environment)
        return
    if lift:
        freezes.lift(project, project.actor, environment, name)
        click.echo(f"freeze {name!r} has ended")
        return
    if duration is None or not reason:
        raise click.UsageError("give --for and --reason, or --lift")
    try:
        seconds = float(parse_duration(duration))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from None
    request = FreezeRequest(name=name, seconds=seconds, reason=reason, environment=environment)
    click.echo(freezes.declare(project, project.actor, request))


def _list_freezes(project: Project, environment: str | None) -> None:
    from pilotage.app.freezes import listed
    from pilotage.cli.plain_table import show_table

    found, now = listed(project, environment), project.moment
    if not found:
        click.echo("no freeze is active or to come")
        return
    rows = [
        (
            one.name, place, "active" if one.begins <= now else "to come", f"{one.begins:%Y-%m-%d %H:%M %Z}",
            f"{one.ends:%Y-%m-%d %H:%M %Z}", one.source or "calendar",
        )
        for one, place in found
    ]  # fmt: skip
    show_table(("freeze", "environment", "state", "begins", "ends", "source"), rows)
