"""Whether a version can be started where it is to run, and whether users can reach the router. Checked before a rollout
starts, so that what cannot start fails immediately and with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.app.project import Project
from pilotage.config.environment import EnvironmentSection
from pilotage.config.loading import Loaded
from pilotage.engine.placement.location import router_runs
from pilotage.model.capabilities import Port
from pilotage.model.errors import NotReady


class CannotStart(NotReady):
    """The version, or the router that leads to it, cannot be started here."""


def check_startable(
    project: Project, environment: str, version: str, *, again: bool = False, restarts: bool = False
) -> None:
    """Raises CannotStart where files or ports tell that nothing would come of it. again: the version is not made ready
    to start a second time · restarts: a rollback must start the version that serves again, which it then must be able
    to."""
    loaded = project.loaded
    section = loaded.configuration.environments[environment]
    where = loaded.place("environments", environment, "fleet")
    if problem := lacks_of(loaded, section, version, again=again):
        raise CannotStart(f"{where}: {problem}")
    service = loaded.configuration.service
    serving = project.store.serving(service, environment)
    if serving and serving[0] != version and (problem := lacks_of(loaded, section, serving[0], again=True)):
        if restarts:
            raise CannotStart(
                f"{where}: {serving[0]} serves, and a rollback could not start it again: {problem}. Or use "
                "deployment_strategy: canary or blue-green, which keep it running"
            )
        project.warn(f"{serving[0]} serves, but could not be started again for a later rollback: {problem}")
    if serving or router_runs(project.directory, service, environment):
        return
    latest = project.store.latest(service, environment)
    if latest is not None and not latest.state.status.final:
        return
    if problems := list(_unready_routers(loaded, environment, version)):
        raise CannotStart("\n".join(problems))


def _unready_routers(loaded: Loaded, environment: str, version: str) -> Iterator[str]:
    """Each router that cannot lead to the service yet, all at once: people set up all of them together."""
    for name, router in loaded.configuration.environments[environment].every_router.items():
        place = ("router",) if not name else ("routers", name)
        asked = registry.of(Port.ROUTER, router).lacks
        if asked and (problem := asked(router, loaded.folder, version)):
            yield f"{loaded.place('environments', environment, *place)}: {problem}"


def lacks_of(loaded: Loaded, section: EnvironmentSection, version: str, *, again: bool = False) -> str:
    """Why a version cannot be started, as far as its files tell; empty where nothing speaks against it. again: it must
    be ready to start, because it is not prepared a second time."""
    every = loaded.configuration.environments
    environment = next((name for name, one in every.items() if one is section), "")
    adapter = registry.of(Port.FLEET, section.fleet)
    return adapter.lacking(section.fleet, _context(loaded, environment), version, again=again)


def lacks_of_version(loaded: Loaded, environment: str, version: str) -> str:
    """The same by the environment's name, and of files of this machine alone: a page waits for no host."""
    section = loaded.configuration.environments.get(environment)
    if section is None or registry.of(Port.FLEET, section.fleet).lacks_there is not None:
        return ""
    return lacks_of(loaded, section, version)


def _context(loaded: Loaded, environment: str) -> Context:
    """For questions only: nothing is written."""
    place = Path()
    service = loaded.configuration.service
    fence = Fence(place / "fence.json", 0)
    return Context(directory=place, fence=fence, service=service, environment=environment, folder=loaded.folder)
