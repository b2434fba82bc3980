"""What is new in the store for a worker, asked no more often than it can have changed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Engine, PoolProxiedConnection

from pilotage.engine.execution.looking import Looking
from pilotage.engine.placement import leases
from pilotage.engine.records.store import Store

_AT_LEAST = 1.0
"""Seconds after which lists are read again even without changes: some answers depend on time."""

_SHARE, _AT_MOST = 20, 5.0
"""Reading lists takes at most a twentieth of the time, but happens at least every so many seconds: with thousands of
rollouts they are long, and a busy worker waits for them. Without them it would try in vain to lease what another worker
holds."""


class Changes:
    """Whether a database may have changed since the last call. An SQLite file says so; any other store may always
    have. at_least: seconds after which the answer is yes in any case."""

    def __init__(self, engine: Engine, at_least: float = _AT_LEAST) -> None:
        self._engine, self._is_file, self._at_least = engine, engine.dialect.name == "sqlite", at_least
        self._connection: PoolProxiedConnection | None = None
        self._seen: object = None
        self._at = -math.inf

    def any(self) -> bool:
        """True the first time, too."""
        now, before = time.monotonic(), self._seen
        if self._is_file:
            self._seen = self._version()
        if self._is_file and self._seen == before and now - self._at < self._at_least:
            return False
        self._at = now
        return True

    def _version(self) -> object:
        """Counts what other connections have changed, as this one sees it; so it has to be one and the same."""
        try:
            self._connection = self._connection or self._engine.raw_connection()
            return self._connection.cursor().execute("PRAGMA data_version").fetchone()
        except Exception:
            with suppress(Exception):
                if self._connection is not None:
                    self._connection.close()
            self._connection = None
            raise


class News:
    """Tells a worker which rollouts are in progress, and which have new commands."""

    def __init__(self, store: Store, holder: str, looking: Looking) -> None:
        self._store, self._holder, self._looking = store, holder, looking
        self._changes = Changes(store.engine)
        self._unfinished: frozenset[str] = frozenset()
        self._others: frozenset[str] = frozenset()
        self._commanded: frozenset[str] = frozenset()
        self._lists_at = -math.inf

    def poll(self) -> None:
        """Pass on what is new. Unanswered commands are passed on again."""
        changed = self._changes.any()
        if not changed and not self._commanded:
            return
        self._commanded = self._store.commanded()
        if time.monotonic() >= self._lists_at:
            self._read_lists()
        self._looking.news(self._unfinished, self._commanded, self._others)

    def _read_lists(self) -> None:
        began = time.monotonic()
        self._unfinished = frozenset(self._store.unfinished())
        self._others = leases.held_by_others(self._store.engine, self._holder)
        now = time.monotonic()
        self._lists_at = now + min(_SHARE * (now - began), _AT_MOST)


def only_when_changed(engine: Engine, work: Callable[[], object], at_least: float = _AT_LEAST) -> Callable[[], object]:
    """`work` where the database was changed since, and every so many seconds."""
    changes = Changes(engine, at_least)
    return lambda: work() if changes.any() else None
