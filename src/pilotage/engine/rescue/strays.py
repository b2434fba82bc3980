"""Sends users of unobserved targets in this folder to the stable version; nothing is started or stopped.

Either the store does not know the target (it was emptied, replaced or lost, and the worker died with it), or the store
cannot be used, and the notes next to the target show a rollout in progress that no worker has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from pathlib import Path

from sqlalchemy import select

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.found import found_routers
from pilotage.engine.execution.recorder import AWAY
from pilotage.engine.placement.location import place_of, router_folders
from pilotage.engine.placement.places import known
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import rollouts
from pilotage.engine.rescue import take_back as rescue
from pilotage.engine.rescue.journal import witness_in
from pilotage.model.rollout import Status

_log = logging.getLogger(__name__)
_OVER = frozenset(status.value for status in Status if status.final)
_MOST_UNANSWERED = 3
"""Times in a row that the store may fail before users are taken back: it may only have been started again."""


class Strays:
    """directory: the state's folder, in which no other worker is at work · in_hand: the folders of those targets whose
    rollouts this worker looks at."""

    def __init__(self, store: Store, directory: Path, in_hand: Callable[[], Set[Path]]) -> None:
        self._store, self._directory, self._in_hand = store, directory, in_hand
        self._unanswered = 0

    def tick(self) -> None:
        """Take the users of every such target back. Raises what the store does; what cannot be done is tried again."""
        # In this order: a rollout is in the store before its target has a folder.
        there = _targets(self._directory)
        try:
            ours = {place_of(self._directory, *names) for names in known(self._store.engine)} if there else set()
        except AWAY:
            self._unanswered += 1
            if self._unanswered >= _MOST_UNANSWERED:
                leave_unwatched(self._directory, self._in_hand())
            raise
        self._unanswered = 0
        for place in there:
            if place not in ours and rescue.leads_elsewhere(place):
                _leave_to_stable(place, "the store has no record of what runs here")
            elif place in ours and (lost := self._lost(place)) and rescue.leads_elsewhere(place):
                _leave_to_stable(place, f"the store went back in time and has no record of {lost}")

    def _lost(self, place: Path) -> str:
        """The rollout that was under way in `place` although the store has none of that name; empty where it has."""
        witness = witness_in(place)
        if witness is None or witness.status in _OVER or place in self._in_hand():
            return ""
        with self._store.engine.connect() as connection:
            found = connection.execute(select(rollouts.c.id).where(rollouts.c.id == witness.rollout)).first()
        return "" if found else witness.rollout


def leave_unwatched(directory: Path, in_hand: Set[Path] = frozenset()) -> None:
    """Return the users of every unobserved rollout that is in progress according to the notes next to its target. A
    worker that can use the store again continues it."""
    for place in _targets(directory):
        witness = witness_in(place)
        under_way = witness is not None and witness.status not in _OVER
        if under_way and place not in in_hand and rescue.leads_elsewhere(place):
            _leave_to_stable(place, "the store is unusable")


def _targets(directory: Path) -> list[Path]:
    places = sorted((directory / "run").glob("*"))
    return [place for place in places if any(found_routers(router_folders(place)))]


def _leave_to_stable(place: Path, why: str) -> None:
    try:
        did = rescue.take_back_at(place, None, noted=False)
    except (AdapterError, OSError) as error:
        did = f"the traffic could not be returned: {error}"
    _log.error("%s: %s, so no worker observes it: %s", place.name, why, did)
