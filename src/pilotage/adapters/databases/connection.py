"""A read-only connection to a service's database, for queries of our own.

The connection string is a secret: messages name the host and the database alone. Each question is a transaction of its
own that cannot write, so a pooler between does no harm and nothing stays open on the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from pilotage.adapters.databases.mysql_connection import MysqlConnection
from pilotage.adapters.databases.postgres_connection import PostgresConnection
from pilotage.adapters.ports import AdapterError

Rows = Sequence[tuple[object, ...]]


class Database(Protocol):
    """One database. called: host, port and name, for people."""

    @property
    def called(self) -> str: ...

    @property
    def user(self) -> str: ...

    def rows(self, query: str) -> Rows:
        """Of one query that reads. Raises AdapterError, and Refused where the user may not."""

    def close(self) -> None: ...


def connect(url: str, timeout: float) -> PostgresConnection | MysqlConnection:
    """timeout: seconds of a connection and of each query. Raises AdapterError, which shows nothing of the secret."""
    scheme = urlsplit(url).scheme.partition("+")[0] if "://" in url else ""
    if scheme in ("mysql", "mariadb"):
        return MysqlConnection.of(url, timeout)
    if scheme in ("postgres", "postgresql") or ("=" in url and not scheme):
        return PostgresConnection.of(url, timeout)
    raise AdapterError(
        "the connection string of the database begins with neither postgresql:// nor mysql:// nor mariadb://"
    )
