"""`flag`: show who gets a release's flag, turn it off, and list flags whose code should be removed."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option, reason_option


@click.group()
def flag() -> None:
    """Show a release's flag, or turn it off for everyone."""


@flag.command("show")
@environment_option
@json_option
@click.pass_obj
def show(project: Project, environment: str | None, as_json: bool) -> None:
    """Show who has the flag now.

    Shows the groups and the share of users, as services evaluate the flag.
    Without -e, the flags of several environments are listed.
    """
    from pilotage.app.flags import read

    if not as_json and (every := project.all_of(environment)):
        from pilotage.cli.plain_table import show_table

        found = [(name, *read(project, name)) for name in every if project.loaded.configuration.environments[name].flag]
        rows = [(name, key, f"{ramp.share / 10:g} %", ", ".join(ramp.groups)) for name, key, ramp in found]
        show_table(("environment", "flag", "users", "groups"), rows)
        return

    key, ramp = read(project, environment)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import FlagOutput
        from pilotage.model.traffic import percent

        show_json(FlagOutput(flag=key, groups=ramp.groups, weight_percent=percent(ramp.share)))
        return
    groups = f", and the groups {', '.join(ramp.groups)}" if ramp.groups else ""
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


@flag.command("stale")
@environment_option
@json_option
@click.option("--fail", is_flag=True, help="Exit with 3 if there is one, for CI.")
@click.pass_obj
def stale(project: Project, environment: str | None, as_json: bool, fail: bool) -> None:
    """List flags whose code should be removed.

    These have been on for everyone longer than `feature_toggle.flag_removal_delay`.
    """
    from pilotage.app import flags

    found = flags.stale(project, environment)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import StaleFlag, StaleFlagsOutput

        listed = (StaleFlag(flag=one.flag, days=one.days, version=one.version) for one in found)
        show_json(StaleFlagsOutput(stale=tuple(listed)))
    for one in found if not as_json else ():
        click.echo(f"{one.flag}: on for everyone for {one.days:.0f} days, since {one.version}")
    raise SystemExit(3 if fail and found else 0)
