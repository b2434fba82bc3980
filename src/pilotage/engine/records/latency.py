"""How long the store takes to answer, statement by statement, in this process."""

from __future__ import annotations

import bisect
import threading
import time

from sqlalchemy import Connection, Engine, event

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds."""

_BEGAN = "pilotage_began"


class StoreLatency:
    """counts: of statements by BOUNDS, one more for all above · total: seconds of all · failures: statements that
    failed."""

    def __init__(self, engine: Engine) -> None:
        self._turn = threading.Lock()
        self.counts, self.total, self.failures = [0] * (len(BOUNDS) + 1), 0.0, 0
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)

    # SQLAlchemy calls them with these arguments.
    def _before(self, connection: Connection, *_: object) -> None:
        connection.info[_BEGAN] = time.perf_counter()

    def _after(self, connection: Connection, *_: object) -> None:
        if (began := connection.info.pop(_BEGAN, None)) is not None:
            took = time.perf_counter() - began
            with self._turn:
                self.counts[bisect.bisect_left(BOUNDS, took)] += 1
                self.total += took

    def _failed(self, _context: object) -> None:
        with self._turn:
            self.failures += 1
