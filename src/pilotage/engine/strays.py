"""Users of targets in this folder that the store does not know: it was emptied, replaced or lost, and its worker died
with it. Nobody watches what they have, so they go to the version that is stable; nothing is started or stopped."""

from __future__ import annotations

import logging
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.engine import rescue
from pilotage.engine.location import place_of
from pilotage.engine.places import known
from pilotage.engine.store import Store

_log = logging.getLogger(__name__)


class Strays:
    """directory: the state's folder, in which no other worker is at work."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store, self._directory = store, directory
        self._told: dict[Path, str] = {}

    def tick(self) -> None:
        """Take the users of every such target back. Raises what the store does; what cannot be done is tried again."""
        # In this order: a rollout is in the store before its target has a folder.
        there = [path for path in sorted((self._directory / "run").glob("*")) if (path / "router" / "xds").is_dir()]
        ours = {place_of(self._directory, *names) for names in known(self._store.engine)} if there else set()
        for place in there:
            if place not in ours and rescue.leads_elsewhere(place):
                self._leave_to_stable(place)

    def _leave_to_stable(self, place: Path) -> None:
        try:
            did = rescue.take_back_at(place, None, noted=False)
        except (AdapterError, OSError) as error:
            did = f"users could not be taken back: {error}"
        if self._told.get(place) != did:
            self._told[place] = did
            _log.error("%s: the store knows nothing of what runs here, so nobody watches it: %s", place.name, did)
