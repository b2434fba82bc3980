"""Where environments of local processes run, which worker handles their commands, and how they move."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pilotage.app.project import Project
from pilotage.model.errors import Conflict

if TYPE_CHECKING:
    from pilotage.engine.records.home import Home


class StillThere(Conflict):
    """A worker is still running in the environment's current place."""


def home_elsewhere(project: Project, service: str, environment: str) -> Home | None:
    """Where the environment runs, if that is not here."""
    home = project.records.home(project.directory, service, environment)
    return None if home is None or home.is_here else home


def may_adopt(project: Project, service: str, environment: str, *, force: bool) -> Home | None:
    """The home that the environment would leave; None where it is at home here. force: also while a worker is at work
    there. Raises StillThere."""
    from pilotage.engine.placement import leases

    home = home_elsewhere(project, service, environment)
    if home and not force and leases.held_by(project.store.engine, f"{service}/{environment}"):
        raise StillThere(
            f"{environment} {home.in_words}: stop its worker there first (`pilotage down`), or use --force"
        )
    return home


def adopt(project: Project, actor: str, service: str, environment: str, *, force: bool) -> str:
    """Make this folder the environment's home; what runs at the old one is not touched. Returns the old one's name.
    Raises StillThere."""
    from pilotage.app.permissions import Permission
    from pilotage.engine.placement import places

    project.require(actor, Permission.ADOPT, environment)
    try:
        before = places.adopt(project.store.engine, project.directory, service, environment, force=force)
    except places.StillAlive as alive:
        raise StillThere(str(alive)) from None
    project.ensure_worker()
    return before.name


class Attended(StrEnum):
    """Who takes up what was written down."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    NOBODY = "nobody"


def attend(project: Project, service: str, environment: str) -> Attended:
    """See that a worker takes up what was written down: the one here, or else warn whose it is."""
    home = home_elsewhere(project, service, environment)
    if home is None:
        project.ensure_worker()
        return Attended.HERE
    if home.is_silent:
        nothing = (
            f"it waits until a worker runs there again, or until you move it here with `pilotage adopt {environment}`"
        )
        project.warn(f"{environment} {home.in_words}: {nothing}")
        return Attended.NOBODY
    project.warn(f"{environment} {home.in_words}: its worker handles this")
    return Attended.ELSEWHERE


def keep_up(project: Project, service: str, environment: str) -> None:
    """What serves, by the record, is to serve: after `down` nothing does, until a worker starts it again."""
    from pilotage.app.setbacks import setback_of
    from pilotage.engine.placement.location import router_runs

    stopped = not router_runs(project.directory, service, environment)
    if setback := setback_of(project, project.records.newest(service, environment)):
        project.warn(setback)
        return
    if attend(project, service, environment) is Attended.HERE and stopped:
        project.warn("none of its instances are running: starting them")
