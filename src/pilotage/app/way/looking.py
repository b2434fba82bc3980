"""The worker's job that takes every way under way along: look, decide, record, act. It looks about once a second.

The intention is recorded before it is done, so whoever takes over after a crash does the same, and nothing twice.
"""

from __future__ import annotations

import logging
from pathlib import Path

from pilotage.adapters.fence import Fence, floor
from pilotage.adapters.files import private_folder
from pilotage.adapters.stages.ports import Runs, open_runs
from pilotage.app.after_rollouts import configuration_of
from pilotage.app.project import Project
from pilotage.app.standing import standing
from pilotage.app.way.acting import Hands, folder_of
from pilotage.app.way.observing import ARTIFACTS, Memory, observe
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.placement import leases
from pilotage.engine.records import ways
from pilotage.engine.records.home import here
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.records.ways import Asked, StoredWay
from pilotage.model.errors import PilotageError
from pilotage.model.way_command import WayCommand
from pilotage.way.machine import decide

_log = logging.getLogger(__name__)


class Ways:
    """Takes the ways of one worker's folder along."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._holder = leases.holder()
        self._memories = dict[str, Memory]()
        self._said = dict[str, str]()

    def look(self, store: Store) -> None:
        """One look at each way that has its home here."""
        there = ways.under_way(store.engine, here(self._directory).id)
        for identity in there:
            try:
                self._look(store, identity)
                self._said.pop(identity, None)
            except StoreConflict:
                continue  # another process was quicker: the next look sees what it recorded
            except (PilotageError, OSError, ValueError) as error:
                self._warn(identity, str(error))
            except Exception as error:  # one way must not stop the others
                self._warn(identity, f"{type(error).__name__}: {error}", trace=True)
        for gone in self._memories.keys() - set(there):
            del self._memories[gone]

    def _look(self, store: Store, identity: str) -> None:
        stored = ways.get(store.engine, identity)
        project = self._project(store, stored)
        token = self._lease(store, stored)
        if project is None or token is None:
            return
        memory = self._memories.setdefault(identity, Memory())
        runs = self._runs(project, stored, token)
        asked = ways.pending(store.engine, identity)
        seen = observe(project, stored, runs, memory)
        commands = [_command(project, one) for one in asked]
        decision = decide(stored.way, stored.state, seen, commands, store.clock.now())
        if decision.state != stored.state or decision.events or decision.answered:
            stored = ways.record(store, stored, decision.state, decision.events, decision.answered, store.clock.now())
            reach("way-recorded")
        hands = Hands(project=project, stored=stored, runs=runs, memory=memory)
        for action in decision.actions:
            hands.act(action)

    def _project(self, store: Store, stored: StoredWay) -> Project | None:
        """With the configuration that the last command used; None where that has the service no more."""
        whole = standing(self._directory)
        loaded = configuration_of(whole, stored.way.service) if whole is not None else None
        if loaded is None:
            self._warn(stored.way.id, f"no configuration of {stored.way.service} is known here")
            return None
        return Project.of(loaded, store)

    def _lease(self, store: Store, stored: StoredWay) -> int | None:
        """The token of whoever takes the ways of the service along; None while another process does."""
        file = self._fence(stored)
        return leases.acquire(store.engine, f"way:{stored.way.service}", self._holder, above=floor(file, self._holder))

    def _fence(self, stored: StoredWay) -> Path:
        return folder_of(self._directory, stored.way.id) / "fence.json"

    def _runs(self, project: Project, stored: StoredWay, token: int) -> Runs:
        folder = folder_of(self._directory, stored.way.id)
        if not folder.exists():
            private_folder(folder)
        return open_runs(
            stored.way, directory=folder, repository=project.folder, artifacts=self._directory / ARTIFACTS,
            fence=Fence(self._fence(stored), token, self._holder),
        )  # fmt: skip

    def _warn(self, identity: str, why: str, *, trace: bool = False) -> None:
        """Once for each trouble."""
        if self._said.get(identity) != why:
            self._said[identity] = why
            _log.warning("%s: %s", identity, why, exc_info=trace)


def _command(project: Project, asked: Asked) -> WayCommand:
    actor = project.people.identify(asked.actor)
    return WayCommand(id=asked.id, kind=asked.kind, actor=actor, at=asked.at, stage=asked.stage, reason=asked.reason)
