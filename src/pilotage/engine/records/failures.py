"""Counts attempts to sign in that did not succeed, for all servers of a store together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables_identity import failures

_KEPT = 86400.0
"""Seconds after which a failure no longer counts."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """count: since the last success · last_at: Unix seconds."""

    count: int
    last_at: float


class Failures:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, keys: Iterable[str], now: float, wait: Callable[[Mapping[str, Failed]], float]) -> float:
        """One more for each, unless what was counted before asks for a wait; its seconds. Both are one transaction:
        guesses that come at once see each other. Where two count the first one at once, the database refuses one, which
        counts again."""
        try:
            return self._count(keys, now, wait)
        except IntegrityError:
            return self._count(keys, now, wait)

    def _count(self, keys: Iterable[str], now: float, wait: Callable[[Mapping[str, Failed]], float]) -> float:
        with self._engine.begin() as connection:
            # It also takes the one writer's turn of a file, before anything is read.
            connection.execute(delete(failures).where(failures.c.last_at < now - _KEPT))
            known = dict[str, Failed]()
            for key in sorted(keys):
                mine = select(failures).where(failures.c.key == key).with_for_update()
                row = connection.execute(mine).mappings().first()
                if row is not None:
                    known[key] = Failed(count=row["count"], last_at=row["last_at"])
            if (seconds := wait(known)) > 0:
                return seconds
            for key in sorted(keys):
                if key in known:
                    raised = update(failures).where(failures.c.key == key)
                    connection.execute(raised.values(count=failures.c.count + 1, last_at=now))
                else:
                    connection.execute(insert(failures).values(key=key, count=1, last_at=now))
        return 0.0

    def forget(self, keys: Iterable[str]) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(failures).where(failures.c.key.in_(tuple(keys))))
