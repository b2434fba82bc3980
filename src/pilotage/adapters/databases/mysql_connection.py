"""A read-only connection to MySQL or MariaDB."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pilotage.adapters.databases.refused import NoTable, Refused
from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import concealed

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

_TOLD = 400
_REFUSED = frozenset((1044, 1045, 1142, 1143, 1227, 1370))
_NO_TABLE, _NO_DATABASE = 1146, 1049
_INTERRUPTED = frozenset((1317, 1969, 3024, 2013))
_OPTIONS = frozenset(("ssl_ca", "ssl_cert", "ssl_key", "unix_socket", "charset", "ssl"))


class MysqlConnection:
    """One connection; it can only read, and each query has a time limit."""

    transactional = False
    """Each change of a schema is committed at once."""

    def __init__(self, connection: Connection[Cursor], parts: SplitResult, timeout: float) -> None:
        self._connection, self._parts, self._timeout = connection, parts, timeout
        ((version,),) = self.rows("SELECT VERSION()")
        self.version = str(version)

    @classmethod
    def of(cls, url: str, timeout: float) -> MysqlConnection:
        if find_spec("pymysql") is None:
            raise AdapterError(f"MySQL and MariaDB need their driver: {installing('mysql')}")
        import pymysql

        parts = _split(url)
        options = _options(parts)
        try:
            connection = pymysql.connect(
                user=unquote(parts.username or ""), password=unquote(parts.password or ""),
                host=parts.hostname or "localhost", port=parts.port or 3306, database=parts.path.strip("/") or None,
                connect_timeout=10, read_timeout=timeout + 5, write_timeout=timeout + 5,
                autocommit=True, unix_socket=options.get("unix_socket"), charset=options.get("charset", "utf8mb4"),
                ssl_ca=options.get("ssl_ca"), ssl_cert=options.get("ssl_cert"), ssl_key=options.get("ssl_key"),
                ssl_verify_cert="ssl_ca" in options or None, ssl_verify_identity="ssl_ca" in options or None,
            )  # fmt: skip
        except (pymysql.Error, OSError, RuntimeError) as error:
            raise AdapterError(f"no connection to {_called(parts)}: {_words(error, parts)}") from None
        opened = cls(connection, parts, timeout)
        limit = (
            f"max_statement_time = {timeout:g}"
            if opened.is_mariadb
            else f"max_execution_time = {round(timeout * 1000)}"
        )
        opened.rows(f"SET SESSION {limit}")
        opened.rows("SET SESSION TRANSACTION READ ONLY")
        return opened

    @property
    def is_mariadb(self) -> bool:
        return "MariaDB" in self.version

    @property
    def called(self) -> str:
        return _called(self._parts)

    @property
    def user(self) -> str:
        return unquote(self._parts.username or "")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self._asked(query)[1]

    def named(self, query: str) -> list[dict[str, object]]:
        """Rows by the names of their columns."""
        names, rows = self._asked(query)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _asked(self, query: str) -> tuple[list[str], list[tuple[object, ...]]]:
        import pymysql

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query)
                return [column[0] for column in cursor.description or ()], list(cursor.fetchall())
        except pymysql.Error as error:
            code, words = error.args[0] if error.args else 0, _words(error, self._parts)
            if code in _REFUSED:
                raise Refused(f"{self.called} refused {self.user}: {words}") from None
            if code == _NO_TABLE:
                raise NoTable(f"{self.called}: {words}") from None
            if code in _INTERRUPTED:
                raise AdapterError(f"{self.called} did not answer within {self._timeout:g} s") from None
            raise AdapterError(f"{self.called} did not answer a query: {words}") from None

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise AdapterError("the connection string of the database cannot be read") from None
    return parts


def _options(parts: SplitResult) -> dict[str, str]:
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := sorted(given.keys() - _OPTIONS):
        raise AdapterError(
            f"the connection string has the option {unknown[0]}; known are {', '.join(sorted(_OPTIONS))}"
        )
    if given.pop("ssl", "false") not in ("false", "0") and "ssl_ca" not in given:
        raise AdapterError("the connection string asks for TLS without ssl_ca, the file of the authority's certificate")
    return given


def _called(parts: SplitResult) -> str:
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or 'localhost'}{port}/{parts.path.strip('/')}"


def _words(error: Exception, parts: SplitResult) -> str:
    said = error.args[1] if len(error.args) > 1 else error
    secret = unquote(parts.password or "")
    return concealed(" ".join(str(said).split())[:_TOLD], [secret] if secret else [])
