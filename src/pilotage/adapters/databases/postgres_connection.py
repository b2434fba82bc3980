"""A read-only connection to PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pilotage.adapters.backups.connection import Server
from pilotage.adapters.databases.refused import NoTable, Refused
from pilotage.adapters.ports import AdapterError

if TYPE_CHECKING:
    import psycopg


class PostgresConnection:
    """One connection; each question is a transaction that only reads, with a time limit of its own."""

    transactional = True

    def __init__(self, server: Server, connection: psycopg.Connection[tuple[object, ...]], timeout: float) -> None:
        self._server, self._connection, self._timeout = server, connection, timeout

    @classmethod
    def of(cls, url: str, timeout: float) -> PostgresConnection:
        server = Server.of(url, None, timeout)
        connection = server.connect()
        connection.read_only = True
        return cls(server, connection, timeout)

    @property
    def called(self) -> str:
        return self._server.called

    @property
    def user(self) -> str:
        return self._connection.info.user

    def rows(self, query: str) -> list[tuple[object, ...]]:
        import psycopg

        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(f"SET LOCAL statement_timeout = {round(self._timeout * 1000)}".encode())
                return self._connection.execute(query.encode()).fetchall()
        except psycopg.errors.InsufficientPrivilege as error:
            raise Refused(f"{self.called} refused {self.user}: {self._words(error)}") from None
        except psycopg.errors.UndefinedTable as error:
            raise NoTable(f"{self.called}: {self._words(error)}") from None
        except psycopg.errors.QueryCanceled:
            raise AdapterError(f"{self.called} did not answer within {self._timeout:g} s") from None
        except psycopg.Error as error:
            raise AdapterError(f"{self.called} did not answer a query: {self._words(error)}") from None

    def _words(self, error: Exception) -> str:
        return self._server.hidden(str(error).partition("\nLINE ")[0])

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()
