"""The worker's job for what follows the end of rollouts. It looks at little until one has ended, so that a worker which
takes over does that first.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.engine.records.store import Store
from pilotage.model.errors import PilotageError
from pilotage.model.record import RolloutSummary

if TYPE_CHECKING:
    from pilotage.app import followup_looks
    from pilotage.app.project import Project
    from pilotage.app.stability import Stability
    from pilotage.config.loading import Loaded

_log = logging.getLogger(__name__)
_RECENT = 2 * 86400.0
"""Seconds after which nothing follows any more: the end was before this version, or in a store that was restored."""

_MOST = 20
"""Rollouts of an environment that are looked at, the newest."""

_AGAIN = 30.0
"""Seconds after which what failed is tried again."""


class AfterRollouts:
    """Documents, meetings, follow-ups, and the watch after a rollback; of one worker's folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stability: Stability | None = None
        self._settled: dict[str, float] = {}
        """When to do it again, by the monotonic clock: never, where all went well."""

    def look(self, store: Store) -> None:
        """Do what follows the rollouts that have ended."""
        for service, environment in store.places():
            recent = store.history(service, environment, limit=_MOST)
            ended = [one for one in recent if _ended(one, store.clock.now())]
            if not ended:
                continue
            project = project_here(self._directory, store, service, environment)
            if project is None:
                continue
            for one in ended:
                if self._settled.get(one.id, 0.0) <= time.monotonic():
                    self._settled[one.id] = self._follow(project, one)
            self._watch(project, recent[0])

    def _follow(self, project: Project, one: RolloutSummary) -> float:
        from pilotage.app.aftermath import follow

        try:
            follow(project, project.store.get(one.id))
        except (PilotageError, OSError) as error:
            if one.id not in self._settled:
                _log.warning("%s: what follows its end is incomplete: %s", one.id, error)
            return time.monotonic() + _AGAIN
        return float("inf")

    def _watch(self, project: Project, newest: RolloutSummary) -> None:
        from pilotage.app.stability import Stability

        self._stability = self._stability or Stability(self._directory)
        self._stability.look(project.store, newest, project.loaded.configuration.incidents.watch)


def _ended(one: RolloutSummary, now: float) -> bool:
    return one.status.final and one.finished_at is not None and now - one.finished_at < _RECENT


def project_here(directory: Path, store: Store, service: str, environment: str) -> Project | None:
    """The project of an environment; None where it has its home elsewhere, or is not configured any more."""
    from pilotage.app.project import Project
    from pilotage.app.standing import standing

    home, whole = store.home(directory, service, environment), standing(directory)
    if whole is None or home is None or not home.is_here:
        return None
    loaded = configuration_of(whole, service)
    known = loaded is not None and environment in loaded.configuration.environments
    return Project.of(loaded, store) if known and loaded else None


def configuration_of(whole: Loaded, service: str) -> Loaded | None:
    """The configuration of one service, if it is still there."""
    there = whole.configuration
    if there.services:
        return whole.of(service) if service in there.services else None
    return whole if there.service == service else None


class FollowUpLooks:
    """The worker's job that looks at follow-ups on their day; of one worker's folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._looks: followup_looks.FollowUpLooks | None = None

    def look(self, store: Store) -> None:
        """Send what is due about each service that has its home here."""
        from pilotage.app.standing import standing
        from pilotage.engine.records.followups import services

        whole = standing(self._directory)
        for service in services(store.engine) if whole else ():
            assert whole is not None
            loaded = configuration_of(whole, service)
            if loaded is None or not self._is_here(store, service, loaded):
                continue
            from pilotage.app import followup_looks
            from pilotage.app.project import Project

            self._looks = self._looks or followup_looks.FollowUpLooks()
            self._looks.look(Project.of(loaded, store))

    def _is_here(self, store: Store, service: str, loaded: Loaded) -> bool:
        """Whether the first environment of the service that has a home has it here, or none has one yet."""
        homes = (store.home(self._directory, service, name) for name in loaded.configuration.environments)
        first = next((home for home in homes if home is not None), None)
        return first is None or first.is_here
