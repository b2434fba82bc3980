"""A PostgreSQL server by a connection string: for queries of our own, and for its programs.

The connection string is a secret. Programs get it in their environment, never among their arguments; messages name the
host and the database alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

from pilotage.adapters.environment import inherited
from pilotage.adapters.extras import installing
from pilotage.adapters.marks import MARK
from pilotage.adapters.ports import AdapterError

if TYPE_CHECKING:
    import psycopg

_TOLD = 400
_CONNECTS = 10
"""Seconds in which a server must accept a connection, where the connection string does not say."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """options: of libpq, by keyword · programs: the folder of its programs, None for PATH · timeout: seconds that a
    program may take."""

    options: Mapping[str, str] = field(repr=False)
    programs: str | None = None
    timeout: float = 3600.0

    @classmethod
    def of(cls, connection: str, programs: str | None, timeout: float) -> Server:
        """By a connection string of libpq, or by SQLAlchemy's. Raises AdapterError, which shows nothing of it."""
        _check_driver()
        import psycopg

        plain = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", connection)
        try:
            parsed = psycopg.pq.Conninfo.parse(plain.encode())
        except (UnicodeError, psycopg.Error):
            raise AdapterError("the connection string of the database cannot be read by libpq") from None
        options = {one.keyword.decode(): one.val.decode() for one in parsed if one.val is not None}
        return cls(options=options, programs=programs, timeout=timeout)

    @property
    def called(self) -> str:
        """Host, port and database, for people."""
        host, name = self.options.get("host", "localhost"), self.options.get("dbname", "")
        port = f":{self.options['port']}" if "port" in self.options else ""
        return f"{host}{port}/{name}"

    def named(self, database: str) -> Server:
        """Another database of the same server."""
        return replace(self, options={**self.options, "dbname": database})

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection[tuple[object, ...]]:
        """Raises AdapterError. From a database in SQL_ASCII psycopg would read bytes, so it is told an encoding."""
        import psycopg

        defaults = {"connect_timeout": str(_CONNECTS), "client_encoding": "UTF8"}
        options = {**defaults, **self.options, "application_name": "pilotage"}
        try:
            conninfo = psycopg.conninfo.make_conninfo("", **options)
            return psycopg.connect(conninfo, autocommit=autocommit)
        except psycopg.Error as error:
            raise AdapterError(f"no connection to {self.called}: {self.hidden(str(error))}") from None

    def environment(self) -> dict[str, str]:
        """Of a program that connects to it. Raises AdapterError for an option that has no variable."""
        from psycopg import pq

        names = {one.keyword.decode(): (one.envvar or b"").decode() for one in pq.Conninfo.get_defaults()}
        found = {}
        for keyword, value in self.options.items():
            if not names.get(keyword):
                raise AdapterError(f"the connection string has the option {keyword}, which PostgreSQL's programs lack")
            found[names[keyword]] = value
        marked = {MARK: os.environ[MARK]} if MARK in os.environ else {}
        return {**inherited(), "PGCONNECT_TIMEOUT": str(_CONNECTS), **found, **marked}

    def run(self, program: str, *arguments: str, connected: bool = True) -> str:
        """A program's output, once it succeeded. Raises AdapterError."""
        started = self.start(program, *arguments, connected=connected, stdout=subprocess.PIPE)
        return self.result(program, started)

    def start(
        self, program: str, *arguments: str, connected: bool = True, stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Raises AdapterError where the program is not there."""
        environment = self.environment() if connected else inherited()
        folder = self.programs or environment.get("PATH")
        path = shutil.which(program, path=folder)
        if path is None:
            where = f"in {self.programs}" if self.programs else "on PATH; name its folder with `backup.programs`"
            raise AdapterError(f"{program} is not found {where}")
        return subprocess.Popen([path, *arguments], env=environment, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)

    def result(self, program: str, started: subprocess.Popen[bytes]) -> str:
        """Wait for its end; its output. Raises AdapterError with its last words when it failed or timed out."""
        try:
            output, errors = started.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            started.kill()
            started.communicate()
            raise AdapterError(f"{program} timed out after {self.timeout:g} s") from None
        except BaseException:
            started.kill()
            raise
        if started.returncode != 0:
            raise AdapterError(f"{program} exited with {started.returncode}: {self.hidden(_last(errors))}")
        return (output or b"").decode(errors="replace")

    def hidden(self, words: str) -> str:
        """The words without the password."""
        for keyword in ("password", "sslpassword"):
            if secret := self.options.get(keyword):
                words = words.replace(secret, "…")
        return " ".join(words.split())[:_TOLD]


def query(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> Sequence[tuple[object, ...]]:
    """Rows of a statement made here. Raises AdapterError."""
    import psycopg

    try:
        return connection.execute(statement.encode()).fetchall()
    except psycopg.Error as error:
        raise AdapterError(f"the database refused a query: {' '.join(str(error).split())[:_TOLD]}") from None


def execute(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    """A statement made here that returns nothing. Raises AdapterError."""
    import psycopg

    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        raise AdapterError(f"the database refused: {' '.join(str(error).split())[:_TOLD]}") from None


def _check_driver() -> None:
    """Raises AdapterError where the optional driver is not installed."""
    if find_spec("psycopg") is None:
        raise AdapterError(f"PostgreSQL needs its driver: {installing('postgres')}")


def _last(errors: bytes) -> str:
    """The lines that say why, without what follows from them."""
    lines = errors.decode(errors="replace").strip().splitlines()
    named = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (named or lines or [""])[0]
