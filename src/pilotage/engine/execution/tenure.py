"""Holds the lease of one rollout's target: only who holds it opens the target, and continues with the record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.fence import Fence
from pilotage.engine.execution.crew import Call, Crew, Crowded
from pilotage.engine.execution.recorder import AWAY, Recorder
from pilotage.engine.execution.targets import Target
from pilotage.engine.placement import leases, places
from pilotage.engine.placement.location import place_of
from pilotage.engine.records import last_room
from pilotage.engine.records.store import Store
from pilotage.engine.rescue import ballast
from pilotage.engine.rescue.journal import Journal, Witness
from pilotage.model.record import Rollout, Unreadable

_RENEW = leases.DURATION / 4

PATIENCE = 2.0
"""Seconds that a look waits for the store; it waits less while the store is away."""
PATIENCE_AWAY = 0.05


@dataclass(frozen=True)
class Present:
    """The rollout in the store. told: time and type of its events, if they are needed."""

    rollout: Rollout
    told: frozenset[tuple[float, str]]


@dataclass(frozen=True)
class Held:
    """What the holder of the lease gets. again: the target was opened now · present: the record to continue with, if
    another worker may have continued it."""

    target: Target
    anew: bool = False
    present: Present | None = None


class Tenure:
    """heart: renews the leases of all that the worker has; without one, this does · opened: opens the target for a
    token."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        found: Rollout,
        holder: str,
        heart: leases.LeaseKeeper | None,
        crew: Crew,
        opened: Callable[[int], Target],
    ) -> None:
        self._store, self._directory, self._holder, self._heart = store, directory, holder, heart
        self._place = (directory, found.service, found.environment)
        self.name, self.folder = f"{found.service}/{found.environment}", place_of(*self._place)
        self._crew, self._opened = crew, opened
        self._target: Target | None = None
        self._token: int | None = None
        self._leasing: Call[tuple[int | None, Present | None]] | None = None
        self._renewed, self._late = -math.inf, False
        self.knows_witness = True
        """Whether the store has the rollout that was last recorded next to the target."""

    def hold(self, recorder: Recorder) -> Held:
        """The target, for the holder of its lease. While the store is away, this worker keeps it: the target is in its
        own folder, where no other worker may act, and its fence would reject one.

        Tells the recorder whether the store answers. Raises LeaseLost if another worker holds the lease, and
        ConnectionError if the store is away and the target was never opened.
        """
        held = time.monotonic() - self._renewed < _RENEW or (self._heart is not None and self._heart.holds(self.name))
        if self._target is not None and held:
            if self._late:
                self._late = False
                recorder.answered()
            return Held(self._target)
        if self._target is not None and self._heart is not None and self._heart.is_late_for(self.name):
            self._late = True
            return self._without_lease(recorder, "leases are not renewed in time")
        try:
            self._leasing = self._leasing or self._crew.start(lambda: self._acquire(recorder.rollout))
        except Crowded as error:
            return self._without_lease(recorder, str(error))
        if not self._leasing.wait(PATIENCE_AWAY if recorder.away else PATIENCE):
            return self._without_lease(recorder, "the store does not respond")
        leasing, self._leasing = self._leasing, None
        try:
            token, present = leasing.result()
        except AWAY as error:
            return self._without_lease(recorder, f"the store is unusable: {type(error).__name__}: {error}")
        if token is None:
            raise leases.LeaseLost(f"another worker runs {self.name}")
        recorder.answered()
        self._renewed = leasing.began
        if self._target is not None and token == self._token:
            return Held(self._target)
        self._token = token
        self._target = self._opened(token)
        ballast.lay(self.folder)
        if self._store.engine.dialect.name == "sqlite":
            last_room.lay(self._directory)
        return Held(self._target, True, present)

    def lapse(self) -> None:
        """The fence refused: the next look requests a lease above the fence's token, and gets it if nobody holds it."""
        self._target, self._renewed = None, -math.inf

    def check_fence(self) -> None:
        """Raises Fenced if another worker has taken over."""
        if self._token is not None:
            self._fence(self._token).check()

    def _acquire(self, known: Rollout) -> tuple[int | None, Present | None]:
        """The token; and, where it is another one than before, what is there to continue with."""
        _, service, environment = self._place
        with self._store.in_turn():
            token = places.take(self._store.engine, self._directory, service, environment, self._holder)
        if token is None or token == self._token:
            return token, None
        # Whoever had the target before writes nothing next to it from here on: what is read now is all there is.
        self._fence(token).check()
        left = Journal(*self._place)
        self.knows_witness = self._knows(left.witness)
        present = self._as_stored(known)
        told = self._store.events(present.id) if left.done(present.id) else ()
        return token, Present(present, frozenset((event.at, event.type) for event in told))

    def _as_stored(self, known: Rollout) -> Rollout:
        """The rollout as the store has it. What was just read is not read a second time: it is large."""
        unchanged = self._token is None and self._store.look_up(known.id).revision == known.revision
        return known if unchanged else self._store.get(known.id)

    def _knows(self, witness: Witness | None) -> bool:
        try:
            return witness is None or bool(self._store.get(witness.rollout))
        except KeyError:
            return False
        except Unreadable:
            return True

    def _fence(self, token: int) -> Fence:
        return Fence(self.folder / "fence.json", token, self._holder)

    def _without_lease(self, recorder: Recorder, why: str) -> Held:
        recorder.away = recorder.away or why
        if self._target is None:
            raise ConnectionError(f"{self.name}: {why}")
        return Held(self._target)
