"""Keeps up what finished rollouts left behind: a tick for each environment, so that a router that is dead delays no
other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.engine.execution.driver import Driver, LeaseLost
from pilotage.engine.execution.troubles import Troubles
from pilotage.engine.records import setbacks
from pilotage.engine.records.store import Store
from pilotage.engine.rescue.stuck import tell_stuck
from pilotage.engine.rescue.takeover import StoreWentBack

_log = logging.getLogger(__name__)
_THREADS = 8


class Keeping:
    """driver: takes a rollout in hand, by its id."""

    def __init__(self, store: Store, driver: Callable[[str], Driver], troubles: Troubles) -> None:
        self._store, self._driver, self._troubles = store, driver, troubles
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="keep")
        self._keepers: dict[str, Driver] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def tick(self) -> None:
        """Begin the tick of every environment whose last one is over. While the store is away those in hand
        continue."""
        try:
            wanted = {rollout.id: rollout.revision for rollout in self._store.settled()}
        except Exception:
            wanted = {identity: keeper.rollout.revision for identity, keeper in self._keepers.items()}
            self._begin(wanted)
            raise
        for gone in set(self._keepers) - set(wanted):
            self._keepers.pop(gone, None)
        self._begin(wanted)

    def finish(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, wanted: dict[str, int]) -> None:
        for identity, revision in wanted.items():
            with self._lock:
                if identity in self._busy:
                    continue
                self._busy.add(identity)
            self._pool.submit(self._keep, identity, revision)

    def _keep(self, identity: str, revision: int) -> None:
        try:
            keeper = self._keepers.get(identity)
            if keeper is None or keeper.rollout.revision != revision:
                keeper = self._keepers[identity] = self._driver(identity)
            keeper.keep()
            self._troubles.over(identity)
        except StoreWentBack as error:
            self._troubles.note(identity, error)
            self._tell_went_back(identity, error)
        except (AdapterError, LeaseLost) as error:
            if self._troubles.note(identity, error) and isinstance(error, Fenced):
                tell_stuck(self._store, identity, str(error))
        except Exception:
            _log.exception("%s: keeping it running failed; retrying", identity)
        finally:
            with self._lock:
                self._busy.discard(identity)

    def _tell_went_back(self, identity: str, error: StoreWentBack) -> None:
        """In the records themselves, from where status, pages and messages have it."""
        try:
            setbacks.tell(self._store, identity, error.event)
        except Exception:
            _log.exception("%s: could not be recorded; retrying", identity)
