"""Tells whether anybody has changed anything in the store: for answers that are kept for a moment."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

Version: TypeAlias = tuple[int, int]
"""Transactions of this process, and the number of the last row of the audit log."""

_WROTE = "pilotage-wrote"


class Versions:
    """Of one store. Two that are equal: in between this process has committed nothing, and nobody else has done
    anything that the audit log shows. What a worker observes meanwhile shows in none."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._commits = engine, 0

        @event.listens_for(engine, "commit")
        def _(connection: Connection) -> None:
            connection.info[_WROTE] = True

        @event.listens_for(engine, "checkin")
        def _(_connection: object, entry: ConnectionPoolEntry) -> None:
            # The event of a commit comes before it: only when the connection is back, others see what was written.
            if entry.info.pop(_WROTE, False):
                self._commits += 1

    def now(self) -> Version:
        before = self._commits
        with self._engine.connect() as connection:
            last = connection.exec_driver_sql("SELECT max(number) FROM audit").scalar()
        return before, last or 0
