"""`worker`, `down` and `demo`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project

if TYPE_CHECKING:
    from pilotage.demo.story import Fault, Run, Show

_END_DEADLINE = 5.0
"""Seconds that remaining processes get to exit."""


@click.command()
@click.option("--stop", is_flag=True, help="Stop the one that runs here instead. Users stay served.")
@click.pass_obj
def worker(project: Project, stop: bool) -> None:
    """Run the worker in the foreground, for systemd or a container.

    If none runs, `deploy` and `serve` start one in the background.
    """
    if stop:
        return _stop_worker(project)
    from pilotage.app.worker import run

    if not project.config.exists() and not project.has_store:
        raise click.UsageError(f"{project.config} does not exist, and nothing was deployed here: run `pilotage init`")
    project.publish_settings()
    raise SystemExit(run(project.directory))


def _stop_worker(project: Project) -> None:
    from pilotage.app.teardown import only_worker

    done = only_worker(project, project.actor)
    if not done.was_at_work:
        click.echo("no worker runs here")
        return
    click.echo("the worker is stopped; what serves goes on, and nobody watches it or starts it again")
    for one in done.under_way:
        click.echo(f"{one}: it continues when a worker is back", err=True)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--force",
    is_flag=True,
    help="Also stop environments that another worker runs, and processes that the store no longer knows.",
)
@click.pass_obj
def down(project: Project, yes: bool, force: bool) -> None:
    """Stop the worker, the routers and every instance of this folder. The service goes offline."""
    import sys

    from pilotage.app.teardown import down as stop

    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("this stops the service: confirm with --yes")
        click.confirm("This stops the service for all its users. Continue?", abort=True)
    done = stop(project, project.actor, force=force)
    _publish(project)
    for name in done.names:
        click.echo(f"{name} is down")
    for one in done.under_way:
        click.echo(f"{one}: it continues when a worker is back", err=True)
    for sentence in (*done.elsewhere, *filter(None, [done.cut_off])):
        click.echo(sentence, err=True)
    if done.strays:
        click.echo(f"stopped {done.strays} more processes that were started here")


def _publish(project: Project) -> None:
    """The public page says that the service is down, although no worker renews it any more."""
    from pilotage.app.status_page import publish_if_wanted

    try:
        publish_if_wanted(project)
    except Exception as error:
        click.echo(f"the status page is not up to date: {str(error).splitlines()[0]}", err=True)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def prune(project: Project, dry_run: bool, yes: bool) -> None:
    """Delete messages, logs, artifacts and words of users' reports older than `retention` in pilotage.yaml.

    Rollouts, plans, events, verdicts and commands are kept forever, so `events --verify` keeps working.
    """
    import sys

    from pilotage.app.retention import old, remove

    found = old(project)
    files = f"{found.artifacts} artifacts and {found.logs} logs ({found.size / 2**20:.1f} MiB)"
    what = f"{found.messages} messages, the words of {found.reports} reports, {files}"
    if dry_run or not (found.messages or found.logs or found.reports or found.artifacts):
        click.echo(f"{what} would be deleted" if dry_run else "nothing is old enough to delete")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{what} would be deleted: confirm with --yes, or use --dry-run")
        click.confirm(f"Delete {what}?", abort=True)
    remove(project, project.actor, found)
    click.echo(f"deleted {what}")


@click.command()
@click.option("--good", is_flag=True, help="Run only the good release.")
@click.option(
    "--bad", type=click.Choice(["errors", "slow", "crash", "memory"]), help="Run only a bad release of this kind."
)
@click.option("--seed", default=1, show_default=True, help="Seed of the simulated users' choices.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), default=Path(".pilotage-demo"), show_default=True,
              help="Folder for all files of the demo.")  # fmt: skip
@click.option("--serve", is_flag=True, help="Release on and on, and show it on web pages, until Ctrl-C.")
@click.option("--listen", default="127.0.0.1:8420", show_default=True, help="With --serve: address and port.")
def demo(good: bool, bad: str | None, seed: int, directory: Path, serve: bool, listen: str) -> None:
    """Watch a small shop release a good version and a bad one, behind a real load balancer and under real traffic."""
    from pilotage.demo.story import Fault, play, router_name

    if serve:
        return _serve_demo(directory.resolve(), seed, listen)
    faults = [Fault.NONE] * good + ([Fault(bad)] if bad else []) if good or bad else [Fault.NONE, Fault.ERRORS]
    click.echo(f"starting shop 1.0.0: two instances behind {router_name()}, with simulated users")
    runs = play(directory.resolve(), faults, seed, _announce, _show())
    _summary(runs, directory)
    raise SystemExit(0 if all(run.as_told for run in runs) else 1)


def _serve_demo(directory: Path, seed: int, listen: str) -> None:
    import signal

    from pilotage.app.server_extra import needed
    from pilotage.cli.options import address

    with needed():
        from pilotage.demo.server import show
        from pilotage.web.serving import Listening
    host, port = address(listen)
    click.echo("starting a shop with simulated users; this takes some seconds", err=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        show(directory, Listening(host=host, port=port), seed, lambda sentence: click.echo(sentence, err=True))


def _announce(version: str, fault: Fault) -> None:
    what = "a good release" if fault == "none" else f"a bad release ({fault})"
    click.echo(f"\n── {version}: {what}")


def _show() -> Show:
    import sys

    return _live() if sys.stdout.isatty() else _lines()


def _lines() -> Show:
    """One line per transition."""
    from pilotage.model.record import Recorded, Rollout
    from pilotage.render.lines import event_lines

    shown: dict[str, int] = {}

    def show(rollout: Rollout, events: Sequence[Recorded], _: object) -> None:
        for line in event_lines(events[shown.get(rollout.id, 0) :]):
            click.echo(line)
        shown[rollout.id] = len(events)

    return show


def _live() -> Show:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from pilotage.cli.edge import console
    from pilotage.demo.traffic import Measured
    from pilotage.model.record import Recorded, Rollout
    from pilotage.render.live_view import rollout_view

    screens: dict[str, Live] = {}

    def show(rollout: Rollout, events: Sequence[Recorded], seen: Measured) -> None:
        screen = screens.get(rollout.id)
        if screen is None:
            screen = screens[rollout.id] = Live(console=console(), auto_refresh=False)
            screen.start()
        share = f"{seen.new_version} of {seen.requests}" if seen.requests else "none yet"
        users = Text(
            f"  users: {share} responses from {rollout.version}, {seen.failed} failed, {seen.hurt} users affected"
        )
        screen.update(Group(rollout_view(rollout, events), users), refresh=True)
        if rollout.state.status.final:
            screen.stop()

    return show


def _summary(runs: Sequence[Run], directory: Path) -> None:
    from pilotage.cli.plain_table import show_lines
    from pilotage.demo.story import figures

    lines = ["", "══ measured by the users, not by the controller"]
    for run in runs:
        kind = "good" if run.fault == "none" else f"bad: {run.fault}"
        lines += ["", f"{run.version} ({kind}): {run.rollout.state.status}", *(f"  {one}" for one in figures(run))]
        lines += [f"  why: {run.explained[0]}"] if run.fault != "none" else []
        lines += [] if run.as_told else ["  NOT as expected"]
    show_lines((*lines, "", f"report: {directory / 'report.md'}", f"event log: {directory / 'events.jsonl'}"))
    click.echo("All processes have stopped.")
