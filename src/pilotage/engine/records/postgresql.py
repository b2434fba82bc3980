"""Connections to PostgreSQL that wait for no server that has stopped answering."""

from __future__ import annotations

from typing import Any

import psycopg

ANSWER = 6.0
"""Seconds for an answer: a little longer than the server's own limit of a statement, whose error says more."""


class Impatient(psycopg.Connection[Any]):
    """A connection whose every wait for the server ends: one that is frozen, or was cut off without a word, would keep
    its caller for ever. patience: seconds, None where it may take as long as it takes."""

    patience: float | None = ANSWER

    def wait(self, *arguments: Any, **named: Any) -> Any:
        """As psycopg's. Raises OperationalError, and the connection is closed, when no answer comes."""
        try:
            return super().wait(*arguments, **{"timeout": self.patience, **named})
        except psycopg.errors._WaitTimeout:
            # Nobody knows what the server makes of it: the transaction is lost, and the connection with it.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the database did not respond within {self.patience:g} s") from None
