"""Whether a version can be started where it is to run, and whether users can reach the router. Checked before a rollout
starts, so that what cannot start fails immediately and with its reason."""

from __future__ import annotations

from pilotage.adapters import registry
from pilotage.app.project import Project
from pilotage.config.environment import EnvironmentSection
from pilotage.config.loading import Loaded
from pilotage.engine.placement.location import router_runs
from pilotage.model.capabilities import Port
from pilotage.model.errors import NotReady


class CannotStart(NotReady):
    """The version, or the router that leads to it, cannot be started here."""


def check_startable(project: Project, environment: str, version: str) -> None:
    """Raises CannotStart where files or ports tell that nothing would come of it."""
    loaded = project.loaded
    section = loaded.configuration.environments[environment]
    if problem := lacks_of(loaded, section, version):
        raise CannotStart(f"{loaded.place('environments', environment, 'fleet')}: {problem}")
    service = loaded.configuration.service
    serving = project.store.serving(service, environment)
    if serving and (problem := lacks_of(loaded, section, serving[0])):
        project.warn(f"{serving[0]} serves, but could not be started again for a later rollback: {problem}")
    if serving or router_runs(project.directory, service, environment):
        return
    latest = project.store.latest(service, environment)
    if latest is not None and not latest.state.status.final:
        return
    for name, router in section.every_router.items():
        place = ("router",) if not name else ("routers", name)
        asked = registry.of(Port.ROUTER, router).lacks
        if asked and (problem := asked(router, loaded.folder, version)):
            raise CannotStart(f"{loaded.place('environments', environment, *place)}: {problem}")


def lacks_of(loaded: Loaded, section: EnvironmentSection, version: str) -> str:
    """Why a version cannot be started, as far as its files tell; empty where nothing speaks against it."""
    asked = registry.of(Port.FLEET, section.fleet).lacks
    return asked(section.fleet, loaded.folder, version) if asked else ""
