"""Records looks without events, those of many rollouts in one transaction.

Nobody waits for these records, and no action depends on them. They save how long a step was analysed, how far the judge
has read, and what people see. If a worker dies before one is written, some seconds of analysis are lost. The next
worker continues from the cursor of the previous record, so no request is counted twice or left out. Events are recorded
separately, before Pilotage acts on them (`engine/execution/recorder.py`).
"""

from __future__ import annotations

import threading

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pilotage.engine.execution.crew import Call
from pilotage.engine.records.entries import Quiet
from pilotage.engine.records.store import Store
from pilotage.model.live import JudgeState, LiveView
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision

_GATHER = 0.25
"""Seconds for which the first of a transaction waits for others."""

_MOST = 32
"""Looks per transaction: other writers wait for its duration."""


_OF_ALL = (OperationalError, InterfaceError, PoolTimeout, OSError)
"""Errors of a store that is unavailable."""


class Checkpoints:
    """For all rollouts of a worker: one thread writes in the background."""

    def __init__(self, store: Store, stopping: threading.Event) -> None:
        self._store, self._stopping = store, stopping
        self._turn = threading.Condition()
        self._waiting: dict[Call[Rollout], Quiet] = {}

    def start(self) -> None:
        threading.Thread(target=self._serve, name="checkpoints", daemon=True).start()

    def put(self, rollout: Rollout, decision: Decision, judge: JudgeState | None, live: LiveView) -> Call[Rollout]:
        """Have this look written soon; the call gives the rollout then, or raises what the store raised."""
        quiet = Quiet(rollout=rollout, state=decision.state, judge=judge, live=live)
        call: Call[Rollout] = Call(quiet.recorded)
        with self._turn:
            self._waiting[call] = quiet
            if len(self._waiting) == 1:
                self._turn.notify()
        return call

    def withdraw(self, call: Call[Rollout]) -> bool:
        """Whether it is not written any more: something happened, and that is recorded instead."""
        with self._turn:
            return self._waiting.pop(call, None) is not None

    def _serve(self) -> None:
        while not self._stopping.is_set():
            with self._turn:
                if not self._turn.wait_for(lambda: self._waiting, 1.0):
                    continue
                enough = len(self._waiting) >= _MOST
            if not enough:
                self._stopping.wait(_GATHER)
            with self._turn:
                taken = {call: self._waiting.pop(call) for call in list(self._waiting)[:_MOST]}
            if taken:
                self._write(taken)

    def _write(self, taken: dict[Call[Rollout], Quiet]) -> None:
        try:
            self._store.record_quiet(tuple(taken.values()))
        except _OF_ALL as error:
            for call in taken:
                call.fail(error)
        except Exception:
            # One of them is another worker's by now, or cannot be written; the others do not suffer for it.
            for call, quiet in taken.items():
                self._write_one(call, quiet)
        else:
            for call in taken:
                call.run()

    def _write_one(self, call: Call[Rollout], quiet: Quiet) -> None:
        try:
            self._store.record_quiet((quiet,))
        except Exception as error:
            call.fail(error)
        else:
            call.run()
