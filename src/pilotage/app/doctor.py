"""What `pilotage doctor` checks: each finding is PASS, WARN or FAIL, and a FAIL says what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.app.backups import examine_backups
from pilotage.app.database import examine_database
from pilotage.app.errors import exit_status
from pilotage.app.examine_intake import examine_intake
from pilotage.app.examine_monitoring import examine_monitoring
from pilotage.app.examine_paths import examine_paths
from pilotage.app.outages import spelled
from pilotage.app.project import Project
from pilotage.app.setbacks import setback_of
from pilotage.app.startable import lacks_of
from pilotage.config.channels import Channel
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.ports import Metrics, Router
    from pilotage.model.traffic import Split


def examine(project: Project, environment: str | None, version: str | None = None) -> list[Finding]:
    """Every finding, in the order a newcomer would mend them; of all environments where none is named, each with what
    only it has. version: one whose start is tried. Raises ConfigError."""
    if every := project.all_of(environment):
        return _of_all(project, every, version)
    name = project.environment(environment)
    findings = [
        Finding("PASS", "Python", sys.version.split()[0]),
        Finding("PASS", "configuration", str(project.config)),
    ]
    findings += [*_adapters(project, name), *(stored := [*_store(project)])]
    if version is not None and stored[-1].result == "PASS":
        from pilotage.app.trial import try_version

        findings += try_version(project, name, version)
    if all(finding.result == "PASS" for finding in stored):
        findings += _running(project, name)
    findings += [*examine_backups(project, name), *examine_database(project, name)]
    findings += [*examine_monitoring(project, name), *_status_page(project)]
    findings += [*examine_intake(project), *examine_paths(project)]
    channels = project.loaded.configuration.notify
    return findings + [_channel(it) for it in channels if not it.environments or name in it.environments]


def _of_all(project: Project, environments: Sequence[str], version: str | None) -> list[Finding]:
    """What all environments share is reported once."""
    found = {name: examine(project, name, version) for name in environments}
    shared = [one for one in found[environments[0]] if all(one in others for others in found.values())]
    own = [
        replace(one, what=f"{name}: {one.what}") for name, those in found.items() for one in those if one not in shared
    ]
    return shared + own


def _adapters(project: Project, environment: str) -> Iterator[Finding]:
    """What the router, the fleet and the rest of the environment need on this machine."""
    from pilotage.engine.execution.targets import examine_adapters

    section = project.loaded.configuration.environments[environment]
    service, folder = project.loaded.configuration.service, project.folder
    yield from examine_adapters(project.directory, section, service, environment, folder)


def _store(project: Project) -> Iterator[Finding]:
    from pilotage.adapters.files import write_at_once
    from pilotage.engine.placement.location import made

    try:
        made(project.directory)
        probe = project.directory / ".doctor"
        write_at_once(probe, b"")
        probe.unlink()
    except OSError as error:
        yield Finding("FAIL", "store", f"{project.directory} cannot be written: {error.strerror}")
        return
    try:
        project.store.unfinished()
    except Exception as error:
        # The driver is imported only here. A store that is newer than this Pilotage is reported as everywhere.
        status, sentence = exit_status(error)
        if status != 9:
            raise
        yield Finding("FAIL", "store", sentence)
        return
    yield Finding("PASS", "store", str(project.directory))


def _status_page(project: Project) -> Iterator[Finding]:
    from pilotage.app.publication import publication_of

    if (wanted := publication_of(project.whole)) is None:
        return
    folder = Path(wanted.folder)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        yield Finding("FAIL", "status page", f"{wanted.folder} cannot be written: correct status_page.folder")
    elif not (page := folder / "index.html").exists():
        yield Finding(
            "WARN", "status page", f"not written to {wanted.folder} yet; the worker does it after a deployment"
        )
    else:
        written = datetime.fromtimestamp(page.stat().st_mtime, UTC)
        yield Finding("PASS", "status page", f"in {wanted.folder}, last changed {written:%Y-%m-%d %H:%M} UTC")


def _running(project: Project, environment: str) -> Iterator[Finding]:
    from pilotage.adapters import registry
    from pilotage.adapters.ports import AdapterError
    from pilotage.adapters.routers.found import found_routers
    from pilotage.engine.execution.description import describe
    from pilotage.engine.execution.targets import open_target
    from pilotage.engine.placement.location import place_of, router_folders, router_runs
    from pilotage.engine.placement.lock import worker_pid
    from pilotage.model.capabilities import Port

    section = project.loaded.configuration.environments[environment]
    service = project.loaded.configuration.service
    pid = worker_pid(project.directory)
    yield _worker(project, pid)
    if setback := setback_of(project, project.store.newest(service, environment)):
        # Until then nothing starts, stops or is kept here, so nothing below would be advice.
        yield Finding("FAIL", "records", setback)
        return
    serving = project.store.serving(service, environment)
    if serving and (problem := lacks_of(project.loaded, section, serving[0], again=True)):
        # Its instances keep running, but one that exits is not replaced, and nothing can return to it.
        yield Finding("WARN", "fleet", f"{serving[0]} serves, but could not be started again: {problem}")
    target = open_target(project.directory, describe(section, project.config.parent), service, environment, 0)
    if not serving:
        # A first rollout is under way, or the store that knew of one was lost: the port may be our own router's.
        ours = _split_of(target.router)
        of_others = all(registry.of(Port.ROUTER, one).of_others for one in section.every_router.values())
        if ours or of_others:
            yield _sends(ours)
        else:
            yield _port_free(target.router.url())
        return
    if not pid and not router_runs(project.directory, service, environment):
        # `down` leaves no record of the router; a machine that was switched off does.
        folders = router_folders(place_of(project.directory, service, environment))
        left = any(router.died() for router in found_routers(folders))
        command = spelled(project, service, environment).command(f"deploy {serving[0]}")
        again = f"the last version was {serving[0]}. Start it again with {command}"
        yield Finding("FAIL" if left else "WARN", "router", f"{'ended' if left else 'stopped'}; {again}")
        return
    try:
        yield _sends(target.router.read())
        yield _counts(target.metrics, serving[0])
    except AdapterError as error:
        yield Finding("FAIL", "router", str(error))


def _worker(project: Project, pid: int | None) -> Finding:
    if pid:
        return Finding("PASS", "worker", f"running as process {pid}")
    if project.store.unfinished():
        return Finding("FAIL", "worker", "not running, and a rollout is waiting: start one with `pilotage watch`")
    return Finding("PASS", "worker", "not running; `pilotage deploy` will start one")


def _counts(metrics: Metrics, version: str) -> Finding:
    """Raises AdapterError."""
    seen = _counted(metrics, version)
    if seen is None:
        return Finding("PASS", "metrics", "answers")
    if seen:
        return Finding("PASS", "metrics", f"{seen:,} requests to {version} counted since the router started")
    words = "responds, but has counted no requests yet: a canary without requests cannot be analysed"
    return Finding("WARN", "metrics", words)


def _counted(metrics: Metrics, version: str) -> int | None:
    """Requests to a version since the source's start; None if the source counts only from its first reading. Raises
    AdapterError."""
    first = metrics.observe((version,), None)
    if "started" not in first.cursor:
        return None
    try:
        # As after a restart of the source: its counters began at another start than the cursor's.
        return metrics.observe((version,), {**first.cursor, "started": ""}).of(version).requests
    except (LookupError, TypeError, ValueError):
        return None


def _channel(section: Channel) -> Finding:
    """What opens the channel can be read here; whether it opens, `notify test` tries."""
    from pilotage.adapters.ports import AdapterError
    from pilotage.adapters.secrets import resolve

    what = f"channel {section.called}"
    for key, value in section:
        if isinstance(value, str) and value.startswith("secret://"):
            try:
                resolve(value)
            except AdapterError as error:
                return Finding("FAIL", what, f"{error}: set it, or correct its {key} in notify")
    return Finding("PASS", what, "secrets found; send a test message with `pilotage notify test`")


def _split_of(router: Router) -> Split | None:
    from pilotage.adapters.ports import AdapterError

    try:
        return router.read()
    except AdapterError:
        return None


def _sends(split: Split | None) -> Finding:
    from pilotage.model.quantity import format_share
    from pilotage.model.traffic import WHOLE

    shares = [f"{format_share(weight / WHOLE)} to {version}" for version, weight in split.weights] if split else []
    return Finding("PASS", "router", f"sends {', '.join(shares) or 'nothing'}")


def _port_free(url: str) -> Finding:
    from urllib.parse import urlsplit

    from pilotage.adapters.ports import AdapterError
    from pilotage.adapters.routers.listening import refuse_taken

    parts = urlsplit(url)
    if not parts.hostname:
        return Finding("PASS", "router", "not started yet")
    host, port = parts.hostname, parts.port or 80
    try:
        refuse_taken(host, port)
    except AdapterError as error:
        return Finding("FAIL", "router", str(error))
    return Finding("PASS", "router", f"{host}:{port} is free")
