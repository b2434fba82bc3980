"""Declared freezes."""

from __future__ import annotations

from datetime import timedelta

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.app.requests import FreezeRequest
from pilotage.model.calendar import Freeze
from pilotage.rollout.windows import in_words


def declare(project: Project, actor: str, request: FreezeRequest) -> str:
    """Freeze from now on. Returns the freeze in words. Raises Forbidden, Unclear."""
    place, configuration = project.environment(request.environment), project.loaded.configuration
    project.require(actor, Permission.FREEZE, place)
    begins = project.moment
    ends = begins + timedelta(seconds=request.seconds)
    if ends <= begins:  # of less than a microsecond, too
        raise Unclear("a freeze lasts longer than 0 s, such as 4h")
    declared = Freeze(request.name, begins, ends)
    project.store.freezes.declare(configuration.service, place, declared, actor, request.reason)
    return in_words(declared, configuration.calendar.timezone)


def listed(project: Project, environment: str | None) -> list[tuple[Freeze, str]]:
    """Freezes of the calendar and of people that are not over, with the environments that each holds, soonest first."""
    from pilotage.config.calendars import calendar_of

    now, configuration = project.clock.now(), project.loaded.configuration
    places = project.all_of(environment) or (project.environment(environment),)
    found = [(one, "all") for one in calendar_of(project.loaded, project.today).freezes if one.ends.timestamp() > now]
    for place in places:
        found += [(one, place) for one in project.store.freezes.of(configuration.service, place, now)]
    return sorted(found, key=lambda each: each[0].begins)


def lift(project: Project, actor: str, environment: str | None, name: str) -> None:
    """End a declared freeze now. Raises Unclear if there is none of that name."""
    place, service = project.environment(environment), project.loaded.configuration.service
    project.require(actor, Permission.FREEZE, place)
    if not project.store.freezes.lift(service, place, name, actor):
        raise Unclear(f"no declared freeze is called {name!r}; end a freeze of pilotage.yaml in that file")
