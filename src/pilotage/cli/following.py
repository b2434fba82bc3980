"""Following a rollout: a live view on a terminal, lines in a pipe, and folded groups in the log of a pipeline's job."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.exit import status_of
from pilotage.model.record import Recorded

if TYPE_CHECKING:
    from pilotage.app.follow import Look
    from pilotage.render.log_groups import GroupedLog

GROUPS = ("github", "gitlab", "none")


def follow(
    project: Project, identity: str, timeout: float | None, as_json: bool = False, ticks: bool = False,
    groups: str | None = None,
) -> int:  # fmt: skip
    """Show the rollout until it ends: a live view on a terminal, else one line per event. groups: one of `GROUPS`; None
    for those of the pipeline that this runs in. Returns the exit status."""
    from pilotage.app.ci_summary import summarise

    status = _followed(project, identity, timeout, as_json, ticks, groups)
    summarise(project, identity)
    return status


def _followed(
    project: Project, identity: str, timeout: float | None, as_json: bool, ticks: bool, groups: str | None
) -> int:  # fmt: skip
    try:
        if as_json:
            return _follow_json(project, identity, timeout, ticks)
        if sys.stdout.isatty() and groups is None:
            return _follow_live(project, identity, timeout)
        return _follow_lines(project, identity, timeout, groups)
    except KeyboardInterrupt:
        click.echo(
            "\ndetached; the rollout continues. `pilotage watch` follows it, `pilotage abort` rolls it back",
            err=True,
        )
        return 6


def _follow_json(project: Project, identity: str, timeout: float | None, ticks: bool) -> int:
    from pilotage.app.follow import follow
    from pilotage.cli.output import show_json
    from pilotage.render.outputs import event_output, tick_output

    seen, ended = 0.0, None
    for look in follow(project, identity, every=0.1, timeout=timeout):
        status, live = look.rollout.state.status, look.rollout.live
        _say_if_unattended(look)
        for event in look.events:
            show_json(event_output(event), line=True)
        if ticks and live.at > seen:
            seen = live.at
            show_json(tick_output(status.value, live), line=True)
        ended = status if look.ended else None
    return _timed_out() if ended is None else status_of(ended)


def _follow_lines(project: Project, identity: str, timeout: float | None, groups: str | None) -> int:
    from pilotage.app.ci_summary import log_groups_here
    from pilotage.app.follow import follow
    from pilotage.render.log_groups import GroupedLog, LogGroups

    log, ended, at = GroupedLog(LogGroups(groups) if groups else log_groups_here()), None, 0.0
    for look in follow(project, identity, every=0.1, timeout=timeout):
        _say_if_unattended(look)
        for event in look.events:
            at = event.at
            _show(log, log.lines(event))
        for line in _waits(look):
            click.echo(log.plain(line))
        ended = look.rollout.state.status if look.ended else None
    _show(log, log.end(at))
    return _timed_out() if ended is None else status_of(ended)


def _show(log: GroupedLog, lines: Iterator[str]) -> None:
    from pilotage.cli.edge import echo_command

    for line in lines:
        if log.is_command(line):
            echo_command(line)
        else:
            click.echo(line)


def _say_if_unattended(look: Look) -> None:
    if look.unattended:
        click.echo("no worker has picked it up yet: run `pilotage doctor`", err=True)


def _timed_out() -> int:
    click.echo("timed out; the rollout continues", err=True)
    return 6


def follow_group_lines(project: Project, release: str, timeout: float | None, as_json: bool) -> int:
    from pilotage.app.ci_summary import log_groups_here
    from pilotage.app.follow import follow_group
    from pilotage.cli.output import show_json
    from pilotage.render.lines import event_lines
    from pilotage.render.log_groups import GroupedLog
    from pilotage.render.outputs import event_output

    ended, log = None, GroupedLog(log_groups_here())
    for look in follow_group(project, release, every=0.2, timeout=timeout):
        ended = look.ended
        for service, event in look.events:
            if as_json:
                show_json(event_output(event, service), line=True)
            else:
                click.echo(log.plain(f"{service:<12} {event_lines([event])[0]}"))
    return 6 if ended is None else status_of(ended)


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
