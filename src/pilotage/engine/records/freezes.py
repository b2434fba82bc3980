"""Declared freezes, in addition to those of the calendar."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime

from sqlalchemy import Engine, RowMapping, insert, select, update

from pilotage.engine.records.tables import freezes
from pilotage.model.calendar import Freeze

_STAY = 0.5


class Freezes:
    """The freezes of one store. A read result is reused for half a second, because all rollouts ask every second, or
    until `read_again`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: tuple[RowMapping, ...] = ()
        self._read = self._began = self._changed = -math.inf
        self._reading = threading.Lock()

    def declare(self, service: str, environment: str, freeze: Freeze, actor: str, reason: str) -> None:
        """A freeze from now on."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(freezes).values(
                    service=service, environment=environment, name=freeze.name, begins=freeze.begins.timestamp(),
                    ends=freeze.ends.timestamp(), actor=actor, reason=reason,
                )
            )  # fmt: skip
        self.read_again()

    def lift(self, service: str, environment: str, name: str, actor: str) -> bool:
        """End a declared freeze; False if there is none of that name."""
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(freezes)
                .where(freezes.c.service == service, freezes.c.environment == environment, freezes.c.name == name)
                .where(freezes.c.lifted_by.is_(None))
                .values(lifted_by=actor)
            )
        self.read_again()
        return bool(changed.rowcount)

    def read_again(self) -> None:
        """Whatever was read before now may be out of date, also what a reading under way will find."""
        self._changed = time.monotonic()

    def of(self, service: str, environment: str, now: float) -> tuple[Freeze, ...]:
        """Those that are not over or lifted."""
        return tuple(
            _freeze(row)
            for row in self._all(now)
            if row["service"] == service and row["environment"] == environment and row["ends"] > now
        )

    def holding(self, now: float) -> tuple[tuple[str, str, Freeze], ...]:
        """Those that hold now, with their service and environment; the last to end first."""
        there = (row for row in self._all(now) if row["begins"] <= now < row["ends"])
        latest = sorted(there, key=lambda row: -row["ends"])
        return tuple((row["service"], row["environment"], _freeze(row)) for row in latest)

    def _all(self, now: float) -> tuple[RowMapping, ...]:
        if not self._fresh:
            # Other callers wait for this answer instead of opening connections.
            with self._reading:
                if not self._fresh:
                    self._read_all(now)
        return self._known

    @property
    def _fresh(self) -> bool:
        return self._began > self._changed and time.monotonic() - self._read <= _STAY

    def _read_all(self, now: float) -> None:
        began = time.monotonic()
        query = select(freezes).where(freezes.c.lifted_by.is_(None), freezes.c.ends > now)
        with self._engine.connect() as connection:
            self._known = tuple(connection.execute(query.order_by(freezes.c.begins)).mappings())
        self._began, self._read = began, time.monotonic()


def _freeze(row: RowMapping) -> Freeze:
    begins, ends = (datetime.fromtimestamp(row[name], UTC) for name in ("begins", "ends"))
    return Freeze(row["name"], begins, ends, f"{row['actor']}: {row['reason']}")
