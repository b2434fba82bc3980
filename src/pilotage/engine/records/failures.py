"""Counts attempts to sign in that did not succeed, for all servers of a store together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    def of(self, keys: Iterable[str], now: float) -> Mapping[str, Failed]:
        query = select(failures).where(failures.c.key.in_(tuple(keys)), failures.c.last_at > now - _KEPT)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["key"]: Failed(count=row["count"], last_at=row["last_at"]) for row in rows}

    def count(self, keys: Iterable[str], now: float) -> None:
        """One more for each. Where two count the first one at once, the database refuses one, which counts again."""
        try:
            self._count(keys, now)
        except IntegrityError:
            self._count(keys, now)

    def _count(self, keys: Iterable[str], now: float) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(failures).where(failures.c.last_at < now - _KEPT))
            for key in sorted(keys):
                raised = update(failures).where(failures.c.key == key)
                if not connection.execute(raised.values(count=failures.c.count + 1, last_at=now)).rowcount:
                    connection.execute(insert(failures).values(key=key, count=1, last_at=now))

    def forget(self, keys: Iterable[str]) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(failures).where(failures.c.key.in_(tuple(keys))))
