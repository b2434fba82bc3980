"""Stopping routers and fleets: of every environment of this place, and where the store cannot say which those are, of
every target whose files are here."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pilotage.adapters import marks, process_records, processes
from pilotage.adapters.routers.found import found_routers
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.risk_offer import MARK_FOLDER
from pilotage.engine.execution.supervisor import stop_worker
from pilotage.engine.execution.targets import open_target
from pilotage.engine.placement import leases, places
from pilotage.engine.placement.location import place_of, router_folders
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.record import RolloutSummary

_log = logging.getLogger(__name__)
_STOP_DEADLINE = 10.0
_END_DEADLINE = 5.0
"""Seconds that remaining processes get to exit."""


@dataclass(frozen=True)
class Down:
    """names: of what was stopped · elsewhere: a sentence for each environment that runs at another place · under_way:
    one for each rollout that had not ended · strays: processes without a record that were ended, too ·
    cut_off: a sentence, where a stage of a way was running."""

    names: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()
    strays: int = 0
    cut_off: str = ""


@dataclass(frozen=True)
class WorkerStopped:
    """under_way: a sentence for each rollout that nobody looks at any more."""

    was_at_work: bool
    under_way: tuple[str, ...] = ()


def only_worker(project: Project, actor: str) -> WorkerStopped:
    """Stop the worker here and leave users as they are: rollouts stand still, and continue with the next worker. Raises
    WorkerStays."""
    project.require(actor, Permission.STOP)
    if not stop_worker(project.directory):
        return WorkerStopped(was_at_work=False)
    return WorkerStopped(was_at_work=True, under_way=tuple(map(_stands, project.store.active())))


def _stands(one: RolloutSummary) -> str:
    return f"{one.service} {one.version} in {one.environment} is {one.status}"


def down(project: Project, actor: str, *, force: bool = False) -> Down:
    """Stop the worker here, the routers and every instance. force: also what another process holds, and what no store
    knows of any more. Raises StoreConflict, AdapterError, and what an unusable store raises, unless forced: the worker
    then continues, and brings back what was stopped."""
    project.require(actor, Permission.STOP)
    if not force:
        # The worker watches over users also without its store: where this cannot be done, it stays.
        project.store.unfinished()
    was_at_work = stop_worker(project.directory)
    try:
        done = _taken_down(project, force=force)
    except Exception:
        if was_at_work:
            project.ensure_worker()
        raise
    # What no record knows any more, it carries the mark of this folder all the same.
    if left := marks.left_in(project.directory / "run"):
        processes.end_all(left, _END_DEADLINE)
    processes.end_all(marks.left_in(project.directory / MARK_FOLDER), _END_DEADLINE)
    # Stages outlive the worker, and end with everything else.
    if stages := marks.left_in(project.directory / "ways"):
        processes.end_all(stages, _END_DEADLINE)
        done = replace(done, cut_off="a stage of a way was running, and is cut off; `pilotage way` shows it")
    return replace(done, strays=len(left))


def _taken_down(project: Project, *, force: bool) -> Down:
    try:
        found = take_down(project.store, project.directory, force=force)
    except Exception as error:
        if not force:
            raise
        project.warn(f"stopped using process records only: {str(error).splitlines()[0]}")
        return take_down_by_files(project.directory)
    return found if found.names or not force else take_down_by_files(project.directory)


def take_down(store: Store, directory: Path, *, force: bool = False) -> Down:
    """Stop the routers and fleets of every environment of this place. The worker must be stopped before, or it would
    start them again. force: also where another process holds the lease. Raises StoreConflict, AdapterError."""
    down, elsewhere, under_way = [], [], []
    for (service, environment), last in _last_ones(store).items():
        name = f"{service}/{environment}"
        try:
            token = places.take(store.engine, directory, service, environment, leases.holder(), force=force)
        except places.Elsewhere as other:
            elsewhere.append(str(other))
            # Processes that were started here before the environment moved are stopped here, too.
            if _stop_processes(place_of(directory, service, environment)):
                down.append(f"{name}: its leftovers here")
            continue
        if token is None:
            raise StoreConflict(f"a worker still runs {name}: stop it first, or use --force")
        _stop(store, directory, last, token)
        down.append(name)
        if not last.status.final:
            under_way.append(f"{last.version} was {last.status} in {name}")
    return Down(tuple(down), tuple(elsewhere), tuple(under_way))


def take_down_by_files(directory: Path) -> Down:
    """The same without a store: everything that was started from here, by the records next to it."""
    found = sorted(path for path in (directory / "run").glob("*") if path.is_dir())
    for place in found:
        _stop_processes(place)
    return Down(tuple(place.name for place in found))


def _last_ones(store: Store) -> dict[tuple[str, str], RolloutSummary]:
    """By what columns say: a rollout whose plan cannot be read is stopped, too."""
    ones = (*(store.look_up(identity) for identity in store.unfinished()), *store.settled())
    return {(one.service, one.environment): one for one in ones}


def _stop(store: Store, directory: Path, last: RolloutSummary, token: int) -> None:
    """Whatever is wrong with the rollout's record, what runs is stopped."""
    service, environment = last.service, last.environment
    try:
        rollout = store.get(last.id)
        target = open_target(
            directory, rollout.snapshot, service, environment, token, rollout.id, leases.holder()
        )  # fmt: skip
    except Exception as error:
        _log.warning("cannot open %s; stopping its processes by their records: %s", last.id, error)
        _stop_processes(place_of(directory, service, environment))
        return
    if target.checks:
        target.checks.stop_all_but("", 0)
    target.router.stop()
    target.fleet.stop()


def _stop_processes(place: Path) -> bool:
    """Whether there was anything to stop."""
    found = False
    # Named VERSION-NUMBER.json: what a fleet over hosts keeps beside is no process.
    routers, left = list(found_routers(router_folders(place))), sorted((place / "fleet").glob("*-*.json"))
    while routers or left:
        routers = [router for router in routers if router.stop(_STOP_DEADLINE)]
        records = [record for record in map(process_records.load, left) if record is not None]
        left = [record.path for record in records if processes.stop(record, _STOP_DEADLINE) is not None]
        found |= bool(routers or left)
        time.sleep(0.05)
    # Whatever no record names any more, and what those started in turn.
    if unknown := marks.left_in(place):
        processes.end_all(unknown, _STOP_DEADLINE)
    return found or bool(unknown)
