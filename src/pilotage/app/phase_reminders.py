"""The worker's part of phases: looks at what shows by itself, then reminds owners of what is overdue."""

from __future__ import annotations

from pathlib import Path

from pilotage.app.phase_facts import refreshed
from pilotage.app.standing import standing
from pilotage.engine.records import activities
from pilotage.engine.records.store import Store
from pilotage.model.activity import TrackedRelease
from pilotage.model.clock import day_of

_LOOK_EVERY = 3600.0
"""Seconds between two looks at files and the tracker for the same release."""


class PhaseReminders:
    """Of the worker of a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._looked: dict[tuple[str, str, str], float] = {}

    def work(self, store: Store) -> None:
        now = store.clock.now()
        for release in activities.tracked_in(store.engine):
            if release.late(day_of(now, release.zone).isoformat()):
                self._look(store, release, now)
        activities.remind(store.engine, now)

    def _look(self, store: Store, release: TrackedRelease, now: float) -> None:
        key = (release.service, release.environment, release.version)
        if now - self._looked.get(key, -_LOOK_EVERY) < _LOOK_EVERY:
            return
        self._looked[key] = now
        if (loaded := standing(self._directory)) is not None:
            refreshed(loaded, store, release)
