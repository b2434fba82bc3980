"""Options that say which plan is wanted, for every command that makes one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

import click

from pilotage.app.project import Project
from pilotage.cli.days import Day
from pilotage.cli.options import Command

if TYPE_CHECKING:
    from pilotage.app.plan import PlanRequest
    from pilotage.model.risk import Assessment

_DAY = Day()


def wish_options(command: Command) -> Command:
    """Add the options that describe the wanted plan."""
    return _wish_options(command, "-m", "--reason", words="Why you accept the conflicts. Recorded in the plan.")


def wish_options_beside_reason(command: Command) -> Command:
    """Add the same options to a command with a --reason of its own."""
    return _wish_options(command, "--accept-reason", words="Why you accept the conflicts. Default: --reason.")


def _wish_options(command: Command, *names: str, words: str) -> Command:
    for option in reversed(
        (
            click.option("--date", "release_date", type=_DAY, help="Day on which all users have the release."),
            click.option("--as-of", type=_DAY, help="Plan as if today were this day. Default: today."),
            click.option("--done", help="Finished phases, separated by commas, such as planning_phase."),
            click.option(
                "--accept",
                multiple=True,
                metavar="CONFLICT",
                help="Accept this conflict. Requires --reason. Repeatable.",
            ),
            click.option(
                "--with-risk",
                metavar="A..B",
                help="Assess the risk of these commits. Default: from the serving version's tag to VERSION's, or HEAD.",
            ),
            click.option(*names, "accept_reason", help=words),
        )
    ):
        command = option(command)
    return command


class Wished(TypedDict):
    """What the options of `wish_options` give."""

    release_date: datetime | None
    as_of: datetime | None
    done: str | None
    accept: tuple[str, ...]
    accept_reason: str | None
    with_risk: str | None


def wish_of(
    project: Project,
    version: str,
    release_date: datetime | None,
    as_of: datetime | None,
    done: str | None,
    accept: tuple[str, ...],
    accept_reason: str | None,
    with_risk: str | None,
    reason: str = "",
) -> PlanRequest:
    """Return the plan request of the options. reason: the command's own, which replaces a missing --accept-reason.
    Raises UsageError for --accept without --reason, or the reverse."""
    from pilotage.app.plan import PlanRequest
    from pilotage.model.acceptance import Acceptance

    given = accept_reason or (reason if accept else "")
    if bool(accept) != bool(given):
        raise click.UsageError("--accept CONFLICT and --reason TEXT go together")
    return PlanRequest(
        version,
        release_date.date() if release_date else None,
        as_of.date() if as_of else project.today,
        tuple(name.strip() for name in (done or "").split(",") if name.strip()),
        {name: Acceptance(given, project.actor) for name in accept},
        risk=_assessed(project, with_risk, release_date) if with_risk else None,
    )


def _assessed(project: Project, revisions: str, day: datetime | None) -> Assessment:
    from pilotage.app.risk import assess_planned

    return assess_planned(project, revisions, day.date() if day else None)
