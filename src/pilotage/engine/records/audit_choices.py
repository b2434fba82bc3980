"""The different values in columns of the audit log, for lists to filter by.

A row never changes and none goes away, so that only rows that were added since the last question are read.
"""

from __future__ import annotations

import threading

from sqlalchemy import Engine, func, select

from pilotage.engine.records.tables_identity import audit

_MOST = 200


class Choices:
    """Of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, tuple[int, frozenset[str]]] = {}
        self._turn = threading.Lock()

    def of(self, column: str) -> tuple[str, ...]:
        """The first ones by name."""
        with self._turn:
            read, found = self._known.get(column, (0, frozenset()))
        with self._engine.connect() as connection:
            last = connection.scalar(select(func.max(audit.c.number))) or 0
            if last < read:  # the store went back to an earlier state
                read, found = 0, frozenset()
            if last > read:
                new = select(audit.c[column]).where(audit.c.number > read, audit.c.number <= last).distinct()
                found |= frozenset(connection.scalars(new))
        with self._turn:
            self._known[column] = (last, found)
        return tuple(sorted(found)[:_MOST])
