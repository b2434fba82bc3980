"""Brings the decisions of one rollout into the store in their order, even if the store is away for a while.

A decision that the store does not take in time is dropped if it goes forward, because nothing may go forward without a
record. If it only returned users, it is kept next to the target and recorded later. It belongs to the record on which
it was decided: if another worker has recorded since, it is not added to that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from pilotage.engine.execution.crew import Call, Crew, Crowded
from pilotage.engine.records.checkpoints import Checkpoints
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.rescue.journal import Done, Journal, Witness
from pilotage.model.live import NOTHING_SEEN, JudgeState, LiveView
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, RolloutState, Status

_log = logging.getLogger(__name__)
AWAY = (SQLAlchemyError, OSError, Crowded)
"""What a store raises that cannot be used."""

_RETRY_EVERY = 0.5
_Latest = tuple[JudgeState | None, LiveView]
_LONGEST_CHECKPOINT = 4.0
"""Seconds after which a checkpoint that was not written says that the store does not answer."""
_PATIENCE_AWAY = 0.05
"""Seconds that a look waits for a store that did not answer before."""

BACK = (Status.WITHDRAWN, Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED)
"""Users have been taken back, or are on their way."""


class Recorder:
    """`rollout` is as this worker knows it: the store's, and what waits for the store on top; without what the judge
    knew, which is large. checkpoints: who records looks at which nothing happened."""

    def __init__(
        self, store: Store, rollout: Rollout, journal: Journal, crew: Crew, checkpoints: Checkpoints | None = None
    ) -> None:
        self._store, self._journal, self._crew, self._checkpoints = store, journal, crew, checkpoints
        self._stored = self.rollout = replace(rollout, judge=None)
        self._call: Call[Rollout] | None = None
        self._is_checkpoint = False
        self._sent: Decision | None = None
        self._unsure = 0.0
        self._flushing: Call[tuple[Rollout, int]] | None = None
        self._waiting: list[Done] = []
        self._tried = 0.0
        self._latest: _Latest = (None, rollout.live or NOTHING_SEEN)
        self.away = ""
        self.strange: tuple[Done, ...] = ()
        """What was done without the store, on another record than the one that it has now."""

    def resume(self, told: Set[tuple[float, str]]) -> None:
        """Load what an earlier worker did without the store and could not record. Only for the holder of the target's
        lease. told: time and type of the events that the store has."""
        left = self._journal.done(self.rollout.id)
        known, state = self._stored, self._stored.state
        new = [done for done in left if (done.at, done.decision.events[0].type) not in told]
        if state.status.final:
            new = []
        self._merged(done for done in left if done not in new)
        if new and not new[0].follows(known.revision, known.head, state.at):
            self.strange = tuple(new)
            return
        for done in new:
            self._keep(done)
        self._reconcile()

    def forget_strange(self) -> None:
        """What follows from it has been decided."""
        self._merged(self.strange)
        self.strange = ()

    def settle(self) -> None:
        """Collect the store's answers, and offer it the waiting decisions again."""
        if self._call is not None and self._call.wait(0):
            self._take_answer(self._call)
        elif self._is_checkpoint and self._call is not None and self._call.age > _LONGEST_CHECKPOINT:
            self.away = self.away or "the store does not respond"
        if self._flushing is not None and self._flushing.wait(0):
            self._take_flushed(self._flushing)
        busy = self._call is not None or self._flushing is not None
        if self._waiting and not busy and time.monotonic() - self._tried >= _RETRY_EVERY:
            self._tried = time.monotonic()
            stored, waiting, latest = self._stored, tuple(self._waiting), self._latest
            self._flushing = self._crew.start(lambda: self._flush(stored, waiting, latest))
            if self._flushing.wait(_PATIENCE_AWAY):
                self._take_flushed(self._flushing)

    def record(self, decision: Decision, judge: JudgeState | None, live: LiveView, patience: float) -> bool:
        """Whether the store has the decision within `patience` seconds. Raises StoreConflict if another worker recorded
        meanwhile."""
        self._latest = judge, live
        self._end_checkpoint(_PATIENCE_AWAY if self.away else patience)
        if self._call is not None or self._waiting:
            return False
        stored = self._stored
        try:
            self._call = self._crew.start(lambda: self._store.record(stored, decision, judge, live))
        except Crowded as error:
            self._gone(error)
            return False
        self._sent = decision
        if not self._call.wait(_PATIENCE_AWAY if self.away else patience):
            self.away = self.away or "the store does not respond"
            return False
        return self._take_answer(self._call)

    @property
    def takes_checkpoints(self) -> bool:
        """Whether a look without events need not wait for its record. While the store is away it does: that is how its
        return is noticed."""
        return self._checkpoints is not None and not self.away

    def let_go(self) -> None:
        """This worker goes no further with the rollout; what it has not recorded, it does not."""
        self._end_checkpoint(0.0)

    def checkpoint(self, decision: Decision, judge: JudgeState | None, live: LiveView) -> None:
        """Record a look without events in the background; skipped while the previous one still waits."""
        self.advance(decision)
        if self._checkpoints is None or self._call is not None or self._waiting:
            return
        self._call, self._sent = self._checkpoints.put(self._stored, decision, judge, live), decision
        self._is_checkpoint = True

    def _end_checkpoint(self, patience: float) -> None:
        """Something happened: what was to be recorded before is in the store, or will never be."""
        if self._call is None or not self._is_checkpoint or self._checkpoints is None:
            return
        if self._checkpoints.withdraw(self._call):
            self._call = self._sent = None
            self._is_checkpoint = False
        elif self._call.wait(patience):
            self._take_answer(self._call)

    def keep(self, decision: Decision) -> None:
        """The decision holds although the store does not have it; its events are written next to the target."""
        if not decision.events:
            self.rollout = replace(self.rollout, state=decision.state)
            return
        sent = self._sent.state.at if self._sent else self._unsure
        done = Done(
            rollout=self.rollout.id, at=decision.state.at, decision=replace(decision, actions=(), answered=()),
            base=self._stored.revision, head=self._stored.head, number=len(self._waiting), sent=sent,
        )  # fmt: skip
        self._journal.note_done(done)
        self._keep(done)

    def advance(self, decision: Decision) -> None:
        """Nothing happened that is worth a record."""
        self.rollout = replace(self.rollout, state=decision.state)

    def answered(self) -> None:
        """The store has answered another question; what it still owes here is another matter."""
        if self._call is None and self._flushing is None and not self._waiting:
            self.away = ""

    def note(self) -> None:
        """Leave word next to the target of how far the store is."""
        known = self._stored
        self._journal.note(
            Witness(
                rollout=known.id, sequence=known.sequence, version=known.version,
                revision=known.revision, head=known.head, status=known.state.status.value, at=self._store.clock.now(),
            )
        )  # fmt: skip

    def _keep(self, done: Done) -> None:
        self._waiting.append(done)
        self.rollout = replace(self.rollout, state=done.decision.state)

    def _take_answer(self, call: Call[Rollout]) -> bool:
        sent, self._call, self._sent = self._sent, None, None
        quiet, self._is_checkpoint = self._is_checkpoint, False
        try:
            self._stored = replace(call.result(), judge=None)
        except AWAY as error:
            # It may have been recorded all the same.
            self._unsure = sent.state.at if sent else 0.0
            self._gone(error)
            return False
        self._unsure = 0.0
        if self._waiting and sent is not None and self._waiting[0].at == sent.state.at:
            # It was acted upon before the answer came.
            self._merged([self._waiting.pop(0)])
        self._reconcile()
        if not self._waiting:
            self.away, self._latest = "", (None, self._stored.live)
            self.rollout = replace(self._stored, state=self.rollout.state) if quiet else self._stored
        if sent is not None and sent.events:
            self.note()
        return True

    def _flush(self, stored: Rollout, waiting: Sequence[Done], latest: _Latest) -> tuple[Rollout, int]:
        """Record the waiting decisions, each with its time; returns the rollout afterwards, and their number."""
        for number, done in enumerate(waiting):
            try:
                stored = self._store.record(stored, done.decision, *latest)
            except StoreConflict:
                present = self._store.get(stored.id)
                if number == 0 and self._unsure and present.state.at == self._unsure:
                    return present, 0  # what was sent before had been recorded; only its answer was lost
                if present.state != done.decision.state:
                    raise
                # It had been recorded; only the answer was lost.
                stored = present
            except AWAY:
                if number == 0:
                    raise
                return stored, number
        return stored, len(waiting)

    def _take_flushed(self, call: Call[tuple[Rollout, int]]) -> None:
        self._flushing = None
        try:
            self._stored, count = call.result()
        except AWAY as error:
            self._gone(error)
            return
        self._unsure = 0.0
        self._merged(self._waiting[:count])
        del self._waiting[:count]
        # Decisions made meanwhile still have to be recorded.
        self.rollout = replace(self._stored, state=self.rollout.state)
        self._reconcile()
        self.away = self.away if self._waiting else ""
        self.note()

    def _reconcile(self) -> None:
        """Something was recorded below what waits. What takes users back is right on any record; anything else was
        decided of a state that is no more, unless it leaves the rollout where that record has it."""
        if not self._waiting:
            return
        kept: list[Done] = []
        state = self._stored.state
        for done in self._waiting:
            if _right_upon(state, done.decision.state):
                kept.append(done)
                state = done.decision.state
        if len(kept) < len(self._waiting):
            self._merged(done for done in self._waiting if done not in kept)
            self._waiting = kept
            self.rollout = replace(self._stored, state=state)

    def _merged(self, several: Iterable[Done]) -> None:
        for done in several:
            self._journal.note_merged(done)

    def _gone(self, error: BaseException) -> None:
        if not self.away:
            _log.warning("%s: the store is unusable: %s", self.rollout.id, error)
        self.away = f"the store is unusable: {type(error).__name__}"


def _right_upon(before: RolloutState, after: RolloutState) -> bool:
    """Whether a decision that waits may follow a record that was made below it."""
    if before.status.final:
        return False
    if after.status in BACK:
        return True
    return before.status not in BACK and (after.step, after.reached, after.progress) == (
        before.step, before.reached, before.progress,
    )  # fmt: skip
