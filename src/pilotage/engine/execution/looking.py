"""When each rollout gets a look: at its own pace, never twice at the same time, and immediately after a command.

Rollouts that this worker has get their looks whether or not the store answers; the store only adds news.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Set
from pathlib import Path

from pilotage.adapters.log_lines import About, logged_about
from pilotage.adapters.ports import Fenced
from pilotage.engine.execution.crew import Call, Crew, Crowded
from pilotage.engine.execution.driver import Driver, LeaseLost
from pilotage.engine.execution.lanes import Lanes
from pilotage.engine.execution.polling import Overtaken
from pilotage.engine.execution.recorder import AWAY
from pilotage.engine.execution.troubles import Troubles
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.rescue.stuck import leave_to_stable, rescue_stuck, tell_stuck
from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_AFTER_TROUBLE = 1.0
_MOST_FAILED_LOOKS = 5
_RECORDS_A_SECOND = 50.0
"""Looks at which nothing happened are recorded no more often than this, all rollouts together."""
_TAKEN_AT_ONCE = 4
"""Rollouts that are started at a time; the others wait. Each writes to the store, which has one writer: with more of
them, the last would wait so long that the store would seem to be away."""

_TAKE_AFTER = 2.0
"""Seconds after which a rollout that waits for that looks whether it was forgotten."""

_TAKEN_SOON = 0.03
"""Seconds after which one that is taken in hand is looked at: by then the call has come back."""

_TAKEN_WITHIN = 2.0
"""Seconds that a rollout has to be read from the store, and its target to be leased, before that is trouble."""


class Looking:
    """driver: takes a rollout in hand, by its id."""

    def __init__(
        self, store: Store, directory: Path, driver: Callable[[str], Driver], crew: Crew, troubles: Troubles
    ) -> None:
        self._store, self._directory, self._open, self._crew = store, directory, driver, crew
        self._troubles = troubles
        self._lanes = Lanes(self._look, self._leave_to_another)
        self._lock = threading.Lock()
        self._known: Set[str] = frozenset()
        self._hurried: set[str] = set()
        self._commanded: Set[str] = frozenset()
        self._drivers: dict[str, Driver] = {}
        self._wanting: dict[str, None] = {}
        self._opening: dict[str, Call[Driver]] = {}
        self._taking = 0
        self._failed: dict[str, int] = {}
        self._unheld: dict[str, int] = {}
        self._rescues: dict[str, Call[bool]] = {}
        self.looks = 0

    def news(self, unfinished: Set[str], commanded: Set[str], others: Set[str] = frozenset()) -> None:
        """News from the store: rollouts in progress, and those with commands. others: rollouts whose target another
        worker holds."""
        unfinished = unfinished - (others - self._drivers.keys()) if others else unfinished
        with self._lock:
            busy = self._lanes.busy
            self._commanded = commanded & unfinished
            for rollout in (unfinished - self._known) | (self._commanded - busy):
                self._lanes.put(rollout, 0.0)
            hurried = (self._commanded & busy) - self._hurried
            self._hurried |= hurried
            for rollout in self._known - unfinished - busy:
                self._forget(rollout)
            self._known = unfinished
        for rollout in hurried:
            if driver := self._drivers.get(rollout):
                driver.hurry()
                self._lanes.hurry(rollout)

    def tend(self) -> float:
        """See that every look is made although others wait. Returns the seconds after which to do so again."""
        return self._lanes.watch()

    def finish(self, patience: float) -> None:
        """Begin no further look, and give those under way so many seconds."""
        self._lanes.stop()
        until = time.monotonic() + patience
        while self._lanes.busy and time.monotonic() < until:
            time.sleep(0.01)

    @property
    def under_way(self) -> tuple[Rollout, ...]:
        """Every rollout in hand, as this worker knows it."""
        # Copied in one step, because lanes add rollouts at the same time.
        return tuple(driver.rollout for driver in list(self._drivers.values()))

    def _leave_to_another(self, rollout: str) -> bool:
        driver = self._drivers.get(rollout)
        return driver is not None and driver.leave_to_another()

    def _look(self, rollout: str) -> bool:
        """One look, and when the next is due. False where another thread has taken it over."""
        driver = self._drivers.get(rollout)
        with logged_about(_about(rollout, driver.rollout if driver else None)):
            return self._look_once(rollout)

    def _look_once(self, rollout: str) -> bool:
        began = time.monotonic()
        ended, pause = rollout not in self._known, _AFTER_TROUBLE
        commanded = rollout in self._commanded
        try:
            if not ended:
                ended, pause = self._look_at(rollout, commanded)
        except Overtaken:
            return False
        except Exception as error:
            self._count(rollout, error)
        with self._lock:
            asked = rollout in self._hurried and not commanded
            self._hurried.discard(rollout)
            if ended:
                # A store that lists it again, having gone back in time, is news.
                self._known = self._known - {rollout}
                self._forget(rollout)
            due = time.monotonic() if asked or not pause else began + pause
            self._lanes.again(rollout, None if ended else due)
        return True

    def _look_at(self, rollout: str, commanded: bool) -> tuple[bool, float]:
        """Whether the rollout has ended, and the seconds from this look to the next."""
        driver = self._drivers.get(rollout) or self._taken(rollout)
        if driver is None:
            return False, _TAKE_AFTER
        self._drivers[rollout] = driver
        driver.checkpoint_every = len(self._known) / _RECORDS_A_SECOND
        decision = driver.look(commanded=commanded)
        self.looks += 1
        self._failed.pop(rollout, None)
        self._unheld.pop(rollout, None)
        self._troubles.over(rollout)
        # What ended without the store is still to be recorded.
        ended = decision.state.status.final and not driver.alone
        return ended, 0.0 if decision.events else driver.rollout.plan.number("rollout.interval")

    def _count(self, rollout: str, error: Exception) -> None:
        """Handle a look that failed."""
        try:
            match error:
                case Fenced() | LeaseLost() | StoreConflict():
                    self._drop(rollout, error)
                case _ if isinstance(error, AWAY):
                    # Nothing of it is in memory: there is nothing that could be done without the store.
                    self._troubles.note(rollout, error)
                    self._count_unheld(rollout)
                case _:
                    self._drivers.pop(rollout, None)
                    _log.error("%s: observing the rollout failed; retrying", rollout, exc_info=error)
                    self._count_failure(rollout, error)
        except Crowded as crowded:
            self._troubles.note(rollout, crowded)

    def _taken(self, rollout: str) -> Driver | None:
        """The rollout, once it is read from the store and its target leased: looks at others do not wait for that."""
        call = self._opening.get(rollout)
        if call is None:
            with self._lock:
                if self._taking >= _TAKEN_AT_ONCE:
                    self._wanting[rollout] = None
                    return None
                self._wanting.pop(rollout, None)
                self._taking += 1
            call = self._opening[rollout] = self._begun(rollout)
        if not call.done:
            if call.age > _TAKEN_WITHIN:
                raise TimeoutError(f"cannot take over {rollout}: the store does not respond")
            return None
        del self._opening[rollout]
        return call.result()

    def _begun(self, rollout: str) -> Call[Driver]:
        try:
            return self._crew.start(lambda: self._take(rollout))
        except Crowded:
            self._make_room()
            raise

    def _take(self, rollout: str) -> Driver:
        try:
            driver = self._open(rollout)
            # While the store is away, the look says what follows.
            try:
                driver.take_in_hand()
            except AWAY as error:
                _log.info("%s: %s", rollout, error)
            return driver
        finally:
            # The next one starts now: the look at this one waits its turn behind all that are late.
            self._make_room()
            self._lanes.put(rollout, time.monotonic() + _TAKEN_SOON)

    def _make_room(self) -> None:
        with self._lock:
            self._taking -= 1
            # Rollouts with a command come first: it may be an abort.
            asked = (rollout for rollout in self._commanded if rollout in self._wanting)
            following = next(asked, None) or next(iter(self._wanting), None)
            self._wanting.pop(following or "", None)
        if following:
            self._lanes.put(following, 0.0)

    def _drop(self, rollout: str, error: Exception) -> None:
        """Another controller has it, or seems to."""
        if driver := self._drivers.pop(rollout, None):
            driver.let_go()
        _log.info("%s: %s", rollout, error)
        if self._troubles.note(rollout, error) and isinstance(error, Fenced):
            self._crew.start(lambda: tell_stuck(self._store, rollout, str(error)))

    def _count_unheld(self, rollout: str) -> None:
        """A worker that starts while the store takes no lease cannot look at what was under way: its users go back
        until someone watches it again. The target is in this folder, where no other worker acts."""
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
        why = f"cannot observe the rollout: {type(error).__name__}: {error}"
        under = self._rescues.get(rollout)
        if under is None:
            self._crew.start(lambda: tell_stuck(self._store, rollout, why))
        if under is None or (under.done and (under.failed or not under.result())):
            self._rescues[rollout] = self._crew.start(lambda: rescue_stuck(self._store, self._directory, rollout, why))

    def _forget(self, rollout: str) -> None:
        for kept in (self._drivers, self._failed, self._unheld, self._rescues, self._opening, self._wanting):
            kept.pop(rollout, None)


def _about(identity: str, rollout: Rollout | None) -> About:
    if rollout is None:
        return About(rollout=identity)
    return About(rollout=identity, service=rollout.service, environment=rollout.environment, version=rollout.version)
