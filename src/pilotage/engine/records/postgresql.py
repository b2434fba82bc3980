"""Connections to PostgreSQL that wait for no server that has stopped answering."""

from __future__ import annotations

import psycopg
from psycopg.abc import RV, PQGen

ANSWER = 6.0
"""Seconds for an answer: a little longer than the server's own limit of a statement, whose error says more."""


_INTERVAL = 0.1
"""Seconds after which psycopg looks for signals while it waits; its own default."""


class Impatient(psycopg.Connection[tuple[object, ...]]):
    """A connection with a limit on every wait for the server: a frozen or disconnected one would block its caller for
    ever. patience: seconds, None for no limit."""

    patience: float | None = ANSWER

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL, timeout: float | None = None) -> RV:
        """As psycopg's; without a timeout, `patience` is one. Raises OperationalError, and the connection is closed,
        when no answer comes."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            # Nobody knows what the server makes of it: the transaction is lost, and the connection with it.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the database did not respond within {self.patience:g} s") from None
