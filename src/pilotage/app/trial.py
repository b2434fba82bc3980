"""One instance of a version, started aside to see whether it becomes healthy, and stopped again: no user reaches it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError, Fleet, PreparingFleet
from pilotage.adapters.registry import AnyAdapter
from pilotage.app.project import Project
from pilotage.app.startable import lacks_of
from pilotage.app.trial_guard import guarded
from pilotage.config.kinds import AdapterSection
from pilotage.engine.placement.location import made
from pilotage.model.capabilities import Port
from pilotage.model.finding import Finding
from pilotage.model.observation import CheckStatus, Health, Instance

LONGEST = 30.0
"""Seconds that an instance has to become healthy."""


LONGEST_PREPARATION = 600.0
"""Seconds that an image or an artifact may take to arrive."""


def try_version(project: Project, environment: str, version: str, longest: float = LONGEST) -> Iterator[Finding]:
    """Whether an instance of `version` starts and passes its health check, on each kind of place where it may run. What
    `prepare` of the configuration would run is not run: it may be a migration."""
    loaded = project.loaded
    section = loaded.configuration.environments[environment]
    adapter, what = registry.of(Port.FLEET, section.fleet), f"version {version}"
    if problem := lacks_of(loaded, section, version):
        yield Finding("FAIL", what, problem)
        return
    if problem := lacks_of(loaded, section, version, again=True):
        yield Finding("WARN", what, f"not tried before `prepare` has made it ready: {problem}")
        return
    if not adapter.starts_aside:
        yield Finding("WARN", what, f"fleets of kind {section.fleet.kind} cannot be tried beforehand")
        return
    state, service = made(project.directory), loaded.configuration.service
    try:
        places = _places(adapter, section.fleet, service, environment, project.folder)
    except AdapterError as error:
        yield Finding("FAIL", what, str(error))
        return
    for place, alone in places.items():
        with guarded(state, alone, service, environment, project.folder) as fleet:
            found = _tried(fleet, version, longest)
        # The title has the host's name already.
        sentence = found.sentence.removeprefix(f"{place.removeprefix('on ')}: ")
        yield Finding(found.result, f"{what} {place}".strip(), sentence)


def _places(
    adapter: AnyAdapter, section: AdapterSection, service: str, environment: str, folder: Path
) -> Mapping[str, AdapterSection]:  # fmt: skip
    """The fleet's section for each kind of place, without what makes a version ready. Raises AdapterError."""
    ready: AdapterSection = adapter.prepared(section) if adapter.prepared else section
    if adapter.asides is None:
        return {"": ready}
    nowhere = Path()
    context = Context(
        directory=nowhere, fence=Fence(nowhere / "fence.json", 0), service=service, environment=environment,
        folder=folder,
    )  # fmt: skip
    found: Mapping[str, AdapterSection] = adapter.asides(ready, context)
    return found


def _prepared(fleet: Fleet, version: str) -> None:
    """Bring the version to its place, for a fleet that does. Raises AdapterError."""
    until = time.monotonic() + LONGEST_PREPARATION
    while isinstance(fleet, PreparingFleet):
        fleet.prepare(version)
        found = fleet.prepared(version)
        if found is None or found.status is CheckStatus.PASSED:
            return
        if found.status is CheckStatus.FAILED or time.monotonic() > until:
            raise AdapterError(found.detail or "it was not made ready in time")
        time.sleep(0.1)


def _tried(fleet: Fleet, version: str, longest: float) -> Finding:
    what = f"version {version}"
    try:
        _prepared(fleet, version)
        began = time.monotonic()
        fleet.ensure(version, 1)
        while True:
            found = next(iter(fleet.instances()), None)
            took = time.monotonic() - began
            if found and found.health is Health.HEALTHY:
                return Finding("PASS", what, f"starts, and {fleet.health_path} returns 2xx after {took:.1f} s")
            if found and (found.health is Health.EXITED or found.refuses):
                return Finding("FAIL", what, _why(found))
            if took > longest:
                answer = found.detail if found else "no instance was seen"
                return Finding("FAIL", what, f"not healthy after {longest:.0f} s: {answer}")
            time.sleep(0.1)
    except AdapterError as error:
        return Finding("FAIL", what, str(error))


def _why(found: Instance) -> str:
    if found.health is Health.EXITED:
        return f"exits at once; {found.detail}" if found.detail else "exits at once, and its log is empty"
    return f"starts, but is not healthy: {found.detail}"
