"""Queries to a database, by SQLAlchemy: one number, or one number a row; a second column is the time of the figure.

Nothing is changed: one statement that only reads, in a read-only transaction, with a time limit that the server keeps.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries.asking import check_age
from pilotage.adapters.secrets import Secret, concealed
from pilotage.adapters.sql_engine import sql_engine
from pilotage.model.finding import Finding
from pilotage.model.json import Json
from pilotage.model.text import line

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_CONNECTS, _ANSWERS = 2, 3
"""Seconds for each, so that both are within the port's deadline."""
_MOST_ROWS = 100
_STEPS = 10_000
"""Instructions of SQLite between two looks at the clock."""
_DRIVERS = {
    "postgresql": ("postgresql+psycopg", "postgres"),
    "mysql": ("mysql+pymysql", "mysql"),
    "mariadb": ("mariadb+pymysql", "mysql"),
}
_DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}
_RUN_COMMENTS = re.compile(r"/\*M?[!+]")
"""Comments that MySQL and MariaDB run as SQL, and hints, which can lift the time limit."""
_EFFECTS = re.compile(
    r"(pg_(terminate|cancel)_|pg_(try_)?advisory_|pg_(reload|rotate|notify|promote|switch|create|drop|log|read|ls|stat_reset)"
    r"|pg_(wal_replay_(pause|resume)|replication_|logical_|copy_|file_|start_backup|backup_)|lo_|dblink|query_to_xml"
    r"|cursor_to_xml|database_to_xml|set_config$|nextval$|setval$|get_lock$|release_(all_)?locks?$|load_file$"
    r"|benchmark$|sys_|load_extension$|writefile$|readfile$|edit$)",
    re.IGNORECASE,
)
"""Functions that act on a server, its files or its sessions, also in a transaction that only reads."""


class SqlQueries:
    """The Queries port. database: reference to the URL of the database · max_age: seconds."""

    def __init__(self, database: str, secrets: Callable[[str], Secret], *, max_age: float) -> None:
        self._reference, self._secrets, self._max_age = database, secrets, max_age

    def query(self, text: str) -> tuple[float, ...]:
        """The first column of each row; NULL is no value. Raises AdapterError, also for a statement that changes
        something, for more than 100 rows, and where the newest row is too old."""
        _, rows = self._read(text, _MOST_ROWS + 1)
        if len(rows) > _MOST_ROWS:
            raise AdapterError(f"the query has more than {_MOST_ROWS} rows: let the database count")
        return self._values(rows)

    def rows(self, text: str, most: int) -> Iterator[dict[str, Json]]:
        """The first rows by the names of their columns; numbers, switches and NULL as they are, anything else as text.
        Raises AdapterError as `query`."""
        names, rows = self._read(text, most)
        for row in rows:
            yield dict(zip(names, map(_plain, row), strict=True))

    def _read(self, text: str, most: int) -> tuple[list[str], list[tuple[object, ...]]]:
        url = self._url()
        check_statement(text, url.get_backend_name())
        with self._connected(url) as connection:
            found = connection.exec_driver_sql(text if connection.dialect.name == "sqlite" else text.replace("%", "%%"))
            return list(found.keys()), [tuple(row) for row in found.fetchmany(most)]

    def _values(self, rows: Sequence[tuple[object, ...]]) -> tuple[float, ...]:
        if any(len(row) not in (1, 2) for row in rows):
            raise AdapterError("the query has more than two columns: select the figure, and its time if you like")
        times = [_moment(row[1]) for row in rows if len(row) == 2]
        if times:
            check_age("the database", max(times), self._max_age, time.time())
        return tuple(value for row in rows if (value := _number(row[0])) is not None)

    def _url(self) -> URL:
        """Raises AdapterError, which shows nothing of it."""
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(self._secrets(self._reference).reveal())
        except (ArgumentError, ValueError):
            what = f"{self._reference} holds no URL of a database, such as postgresql://user:password@host/name"
            raise AdapterError(what) from None
        if url.get_backend_name() not in _DIALECTS:
            raise AdapterError(f"{url.get_backend_name()} is not supported: use {', '.join(_DIALECTS)}")
        return url

    @contextmanager
    def _connected(self, url: URL) -> Iterator[Connection]:
        """In a read-only transaction. Raises AdapterError for whatever the database says."""
        from sqlalchemy.exc import SQLAlchemyError

        hidden = [part for part in (url.password, url.render_as_string(hide_password=False)) if part]
        engine = _engine(url)
        try:
            with engine.connect() as connection:
                _protect(connection)
                yield connection
                connection.rollback()
        except (SQLAlchemyError, OSError) as error:
            said = str(getattr(error, "orig", None) or error)
            raise AdapterError(f"{_called(url)}: {line(concealed(said, hidden), 200)}") from None
        finally:
            engine.dispose()

    def examine(self) -> Iterator[Finding]:
        """What `doctor` says."""
        try:
            url = self._url()
            self.query("SELECT 1")
        except AdapterError as error:
            yield Finding("FAIL", "queries", f"{error}: correct the database's URL, or the rights of its user")
        else:
            yield Finding("PASS", "queries", f"{_called(url)} answers, read-only")


def check_statement(text: str, backend: str) -> None:
    """Raises AdapterError for more than one statement, and for one that does more than read."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [one for one in sqlglot.parse(text, read=_DIALECTS[backend]) if one is not None]
    except (SqlglotError, RecursionError) as error:
        raise AdapterError(f"the query is not SQL of {backend}: {line(str(error), 120)}") from None
    if len(statements) != 1:
        raise AdapterError(f"the query has {len(statements)} statements: write one")
    changes = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Command, exp.DDL, exp.Lock)
    if not isinstance(statements[0], exp.Query) or statements[0].find(*changes):
        raise AdapterError("the query does more than read: write one SELECT")
    if _DIALECTS[backend] == "mysql" and _RUN_COMMENTS.search(text):
        raise AdapterError("the query has a comment that the database would run: leave /*!, /*M! and /*+ out")
    names = (one.name if isinstance(one, exp.Anonymous) else one.sql_name() for one in statements[0].find_all(exp.Func))
    if acts := next((name for name in names if _EFFECTS.match(name)), ""):
        raise AdapterError(f"the query does more than read: it calls {line(acts, 60)}")


def _engine(url: URL) -> Engine:
    """Raises AdapterError where the driver is not installed."""
    from sqlalchemy.pool import NullPool

    backend = url.get_backend_name()
    driver, extra = _DRIVERS.get(backend, (url.drivername, ""))
    if url.drivername == backend:
        url = url.set(drivername=driver)
    options: dict[str, object] = {}
    if backend == "postgresql":
        given = f"-c statement_timeout={_ANSWERS * 1000} -c default_transaction_read_only=on"
        options = {
            "connect_timeout": _CONNECTS, "options": given, "application_name": "pilotage queries",
            # A server that goes away in the middle says nothing: the kernel finds out.
            "keepalives_idle": _ANSWERS, "keepalives_interval": 1, "keepalives_count": 1,
        }  # fmt: skip
    elif backend != "sqlite":
        options = {"connect_timeout": _CONNECTS, "read_timeout": _ANSWERS + 1, "write_timeout": _CONNECTS}
    else:
        options = {"timeout": _ANSWERS}
        url = url.set(database=f"file:{url.database or ''}", query={**url.query, "mode": "ro", "uri": "true"})
    try:
        return sql_engine(url, poolclass=NullPool, connect_args=options)
    except ImportError as error:
        what = f"the driver {error.name} of {backend} is not installed"
        raise AdapterError(what, cure=f"run `{installing(extra)}`" if extra else "install it") from None


def _protect(connection: Connection) -> None:
    """Nothing can be changed, and nothing takes long."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        until = time.monotonic() + _ANSWERS
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        connection.exec_driver_sql("PRAGMA query_only = ON")
    elif dialect in ("mysql", "mariadb"):
        is_mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
        limit = f"max_statement_time = {_ANSWERS}" if is_mariadb else f"max_execution_time = {_ANSWERS * 1000}"
        connection.exec_driver_sql(f"SET SESSION {limit}")
        connection.exec_driver_sql("START TRANSACTION READ ONLY")
    else:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _called(url: URL) -> str:
    """Without a user or a password."""
    return f"{url.get_backend_name()} {url.host or ''}/{url.database or ''}".replace(" /", " ")


def _plain(value: object) -> Json:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _number(found: object) -> float | None:
    if found is None:
        return None
    if isinstance(found, int | float | Decimal) and not isinstance(found, bool):
        return float(found)
    raise AdapterError(f"the query's figure is {str(found)[:40]!r}, not a number")


def _moment(found: object) -> float:
    """Unix seconds. A time without a zone is UTC."""
    try:
        read = datetime.fromisoformat(found) if isinstance(found, str) else found
    except ValueError:
        read = None
    if isinstance(read, datetime):
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    if isinstance(read, int | float | Decimal) and not isinstance(read, bool) and math.isfinite(read):
        return float(read)
    raise AdapterError(f"the query's second column is {str(found)[:40]!r}, not a time")
