"""`flag`: show who gets a release's flag, turn it off, list flags whose code should be removed, and serve them."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import address, environment_option, json_option, reason_option


@click.group()
def flag() -> None:
    """Show a release's flag, or turn it off for everyone."""


@flag.command("show")
@environment_option
@json_option
@click.pass_obj
def show(project: Project, environment: str | None, as_json: bool) -> None:
    """Show who has the flag now.

    Shows the segments and the share of users, as services evaluate the flag.
    Without -e, the flags of several environments are listed.
    """
    from pilotage.app.flags import read

    if not as_json and (every := project.all_of(environment)):
        from pilotage.cli.plain_table import show_table

        found = [(name, *read(project, name)) for name in every if project.loaded.configuration.environments[name].flag]
        rows = [(name, key, f"{ramp.share / 10:g} %", ", ".join(ramp.groups)) for name, key, ramp in found]
        show_table(("environment", "flag", "users", "segments"), rows)
        return

    key, ramp = read(project, environment)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.flags import FlagOutput
        from pilotage.model.traffic import percent

        show_json(FlagOutput(flag=key, groups=ramp.groups, weight_percent=percent(ramp.share)))
        return
    groups = f", and the segments {', '.join(ramp.groups)}" if ramp.groups else ""
    click.echo(f"{key}: {ramp.share / 10:g} % of users{groups}")


@flag.command("kill")
@environment_option
@reason_option
@click.pass_obj
def kill(project: Project, environment: str | None, reason: str) -> None:
    """Turn the flag off for everyone now, and confirm it. Needs no worker and ignores gates and freezes.

    If a rollout is in progress, it is rolled back.
    """
    from pilotage.app import flags

    key, took = flags.kill(project, project.actor, environment, reason)
    click.echo(f"{key} is off for everyone, confirmed after {took:.3f} s")


@flag.command("drill")
@click.argument("key", required=False, default="")
@environment_option
@json_option
@click.pass_obj
def drill(project: Project, key: str, environment: str | None, as_json: bool) -> None:
    """Test a flag's kill switch, on a copy of the flag.

    KEY is the environment's flag, and may be left out. The copy is turned on and off for a test user; the flag stays as
    it is. A kill switch (`flag.purpose: kill-switch`) then gets its next drill as a follow-up, after
    `readiness.max_drill_age`.
    """
    from pilotage.app.flag_duties import drill_flag

    done = drill_flag(project, project.actor, key, environment)
    if as_json:
        from pilotage.app.flag_output import drilled_output
        from pilotage.cli.output import show_json

        show_json(drilled_output(done))
        return
    then = f"; next drill by {done.next}" if done.next else ""
    click.echo(f"{done.flag}: turned on and off for a test user within {done.seconds:.3f} s{then}")


@flag.command("experiment")
@environment_option
@json_option
@click.pass_obj
def experiment(project: Project, environment: str | None, as_json: bool) -> None:
    """Show what the newest experiment has found so far.

    Compares the error rates with the flag and without it. The interval holds at any time: look as often as you like. It
    assumes that errors come from many users.
    """
    from pilotage.app import flags

    rollout, version, found = flags.experiment(project, environment)
    if as_json:
        from pilotage.app.flag_output import experiment_output
        from pilotage.cli.output import show_json

        show_json(experiment_output(rollout, version, found))
        return
    click.echo(found.sentence)


@flag.command("stale")
@environment_option
@json_option
@click.option("--fail-on-expired", "--fail", "fail", is_flag=True, help="Exit with 3 if there is one, for CI.")
@click.pass_obj
def stale(project: Project, environment: str | None, as_json: bool, fail: bool) -> None:
    """List flags whose code should be removed.

    These have been on for everyone longer than `feature_toggle.flag_removal_delay`, or are past their `flag.expires`.
    Kill switches and permissions never expire.
    """
    from pilotage.app import flags

    found = flags.stale(project, environment)
    if as_json:
        from pilotage.app.flag_output import stale_output
        from pilotage.cli.output import show_json

        show_json(stale_output(found))
    for one in found if not as_json else ():
        click.echo(one.sentence)
    raise SystemExit(3 if fail and found else 0)


@flag.command("serve")
@environment_option
@click.option(
    "--listen", default="127.0.0.1:8016", show_default=True, help="Address of OFREP and of flagd's HTTP sync."
)
@click.option("--sync-listen", help="Address of flagd's gRPC sync, such as 127.0.0.1:8015. Needs pilotage[flagd].")
@click.option("--token", default="", help="What clients must send, as secret://env/NAME or secret://file/PATH.")
@click.option(
    "--rate", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Requests a second over HTTP."
)
@click.pass_obj
def serve(
    project: Project, environment: str | None, listen: str, sync_listen: str | None, token: str, rate: int
) -> None:
    """Serve flags to services, and to a flagd.

    Serves the flags of all services and environments that keep them in a file, or of those named with -s and -e. Only
    reads the files. While one cannot be read, its last good definitions are served.
    """
    import threading

    from pilotage.app.flag_serving import Wanted, served

    def say(sentence: str) -> None:
        click.echo(sentence, err=True)

    place = address(listen)
    wanted = Wanted(listen=place, sync=address(sync_listen) if sync_listen else None, token=token, rate=rate)
    with served(project, environment, wanted, say) as serving:
        say(f"flags of {', '.join(serving.sets)}: http://{place[0]}:{serving.port}")
        if wanted.sync is not None:
            say(f"gRPC sync: {wanted.sync[0]}:{serving.sync}")
        threading.Event().wait()
