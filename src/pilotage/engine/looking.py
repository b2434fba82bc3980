"""When each rollout is looked at: each at its own pace, never twice at once, and at once when somebody asks something.

What is in hand is looked at whether or not the store answers; what the store says is only news.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pilotage.adapters.ports import Fenced
from pilotage.engine.crew import Call, Crew
from pilotage.engine.driver import Driver, LeaseLost
from pilotage.engine.recorder import AWAY
from pilotage.engine.store import Store, StoreConflict
from pilotage.engine.stuck import leave_to_stable, rescue_stuck, tell_stuck
from pilotage.engine.troubles import Troubles
from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_AFTER_TROUBLE = 1.0
_MOST_FAILED_LOOKS = 5
_THREADS = 16
_RECORDS_A_SECOND = 100.0
"""Looks at which nothing happened are recorded no more often than this, all rollouts together."""
_OPENS_WITHIN = 2.0
"""Seconds that a look waits for a rollout to be read from the store."""


class Looking:
    """driver: takes a rollout in hand, by its id."""

    def __init__(
        self, store: Store, directory: Path, driver: Callable[[str], Driver], crew: Crew, troubles: Troubles
    ) -> None:
        self._store, self._directory, self._open, self._crew = store, directory, driver, crew
        self._troubles = troubles
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="look")
        self._lock = threading.Lock()
        self._due: list[tuple[float, str]] = []
        self._known: Set[str] = frozenset()
        self._busy: set[str] = set()
        self._hurried: set[str] = set()
        self._commanded: Set[str] = frozenset()
        self._drivers: dict[str, Driver] = {}
        self._opening: dict[str, Call[Driver]] = {}
        self._failed: dict[str, int] = {}
        self._unheld: dict[str, int] = {}
        self._rescues: dict[str, Call[bool]] = {}
        self.looks = 0

    def news(self, unfinished: Set[str], commanded: Set[str]) -> None:
        """What the store says: which rollouts are under way, and of which somebody has asked something."""
        with self._lock:
            self._commanded = commanded & unfinished
            for rollout in (unfinished - self._known) | (self._commanded - self._busy):
                heapq.heappush(self._due, (0.0, rollout))
            hurried = (self._commanded & self._busy) - self._hurried
            self._hurried |= hurried
            for rollout in self._known - unfinished - self._busy:
                self._forget(rollout)
            self._known = unfinished
        for rollout in hurried:
            if driver := self._drivers.get(rollout):
                driver.hurry()

    def dispatch(self) -> None:
        """Begin the looks that are due."""
        now = time.monotonic()
        with self._lock:
            while self._due and self._due[0][0] <= now:
                _, rollout = heapq.heappop(self._due)
                if rollout in self._known and rollout not in self._busy:
                    self._busy.add(rollout)
                    self._pool.submit(self._look, rollout)

    def finish(self, patience: float) -> None:
        """Begin no further look, and give those under way so many seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + patience
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)

    @property
    def under_way(self) -> tuple[Rollout, ...]:
        """Every rollout in hand, as this worker knows it."""
        return tuple(driver.rollout for driver in self._drivers.values())

    def _look(self, rollout: str) -> None:
        """One look, and when the next is due."""
        pause: float | None = _AFTER_TROUBLE
        ended = False
        commanded = rollout in self._commanded
        try:
            driver = self._drivers.get(rollout) or self._opened(rollout)
            self._drivers[rollout] = driver
            driver.checkpoint_every = len(self._known) / _RECORDS_A_SECOND
            decision = driver.look(commanded=commanded)
            self.looks += 1
            self._failed.pop(rollout, None)
            self._unheld.pop(rollout, None)
            self._troubles.over(rollout)
            # What ended without the store is still to be recorded.
            ended = decision.state.status.final and not driver.alone
            pause = None if ended else 0.0 if decision.events else driver.rollout.plan.number("rollout.tick")
        except (Fenced, LeaseLost, StoreConflict) as error:
            self._drop(rollout, error)
        except AWAY as error:
            # Nothing of it is in memory: there is nothing that could be done without the store.
            self._troubles.note(rollout, error if isinstance(error, Exception) else RuntimeError(str(error)))
            self._count_unheld(rollout)
        except Exception as error:
            self._drivers.pop(rollout, None)
            _log.exception("%s: the look failed; trying again", rollout)
            self._count_failure(rollout, error)
        with self._lock:
            self._busy.discard(rollout)
            asked = rollout in self._hurried and not commanded
            self._hurried.discard(rollout)
            if ended:
                # A store that lists it again, having gone back in time, is news.
                self._known = self._known - {rollout}
                self._forget(rollout)
            elif pause is not None:
                heapq.heappush(self._due, (time.monotonic() + (0.0 if asked else pause), rollout))

    def _opened(self, rollout: str) -> Driver:
        """The rollout, read from the store; what does not come in time is waited for at the next look."""
        call = self._opening.pop(rollout, None) or self._crew.start(lambda: self._open(rollout))
        if not call.wait(_OPENS_WITHIN):
            self._opening[rollout] = call
            raise TimeoutError(f"{rollout} cannot be read: the store does not answer")
        return call.result()

    def _drop(self, rollout: str, error: Exception) -> None:
        """Another controller has it, or seems to."""
        self._drivers.pop(rollout, None)
        _log.info("%s: %s", rollout, error)
        if self._troubles.note(rollout, error) and isinstance(error, Fenced):
            self._crew.start(lambda: tell_stuck(self._store, rollout, str(error)))

    def _count_unheld(self, rollout: str) -> None:
        """A worker that begins while the store takes no lease cannot look at what was under way: its users go back
        until somebody watches it again. The target is in this folder, where no other worker acts."""
        driver = self._drivers.get(rollout)
        self._unheld[rollout] = self._unheld.get(rollout, 0) + 1
        if driver is not None and self._unheld[rollout] % _MOST_FAILED_LOOKS == 0:
            self._crew.start(lambda: leave_to_stable(self._directory, driver.rollout))

    def _count_failure(self, rollout: str, error: Exception) -> None:
        """A rollout that cannot be looked at is not a healthy one: after some failed looks its users go back, by a path
        that reads nothing of what failed."""
        self._failed[rollout] = self._failed.get(rollout, 0) + 1
        if self._failed[rollout] < _MOST_FAILED_LOOKS:
            return
        why = f"it cannot be looked at: {type(error).__name__}: {error}"
        under = self._rescues.get(rollout)
        if under is None:
            self._crew.start(lambda: tell_stuck(self._store, rollout, why))
        if under is None or (under.done and (under.failed or not under.result())):
            self._rescues[rollout] = self._crew.start(lambda: rescue_stuck(self._store, self._directory, rollout, why))

    def _forget(self, rollout: str) -> None:
        for kept in (self._drivers, self._failed, self._unheld, self._rescues, self._opening):
            kept.pop(rollout, None)
