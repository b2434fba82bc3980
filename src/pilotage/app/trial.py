"""One instance of a version, started aside to see whether it becomes healthy, and stopped again: no user reaches it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError, Fleet
from pilotage.app.project import Project
from pilotage.app.startable import lacks_of
from pilotage.engine.placement.location import made
from pilotage.model.capabilities import Port
from pilotage.model.finding import Finding
from pilotage.model.observation import Health, Instance

LONGEST = 30.0
"""Seconds that an instance has to become healthy."""


def try_version(project: Project, environment: str, version: str, longest: float = LONGEST) -> Iterator[Finding]:
    """Whether an instance of `version` starts and passes its health check."""
    loaded = project.loaded
    section = loaded.configuration.environments[environment]
    adapter = registry.of(Port.FLEET, section.fleet)
    if problem := lacks_of(loaded, section, version):
        yield Finding("FAIL", f"version {version}", problem)
        return
    if not adapter.starts_aside:
        yield Finding("WARN", f"version {version}", f"fleets of kind {section.fleet.kind} cannot be tried beforehand")
        return
    place = Path(tempfile.mkdtemp(prefix="trial-", dir=made(project.directory)))
    context = Context(
        directory=place / "fleet",
        fence=Fence(place / "fence.json", 1),
        service=loaded.configuration.service,
        environment=environment,
        folder=project.folder,
    )
    try:
        yield _tried(adapter.open(section.fleet, context), version, longest)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _tried(fleet: Fleet, version: str, longest: float) -> Finding:
    what, began = f"version {version}", time.monotonic()
    try:
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
    finally:
        fleet.stop()


def _why(found: Instance) -> str:
    if found.health is Health.EXITED:
        return f"exits at once; {found.detail}" if found.detail else "exits at once, and its log is empty"
    return f"starts, but is not healthy: {found.detail}"
