"""One request after another changes a thing, on however many servers: so what a request compares stays true until it
has changed it.

A file is used by processes of one machine, which lock a file beside it. A database keeps the lock with a connection,
and frees it when its server dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from pilotage.adapters.sql_engine import sql_engine
from pilotage.model.errors import Conflict

PATIENCE = 10.0
"""Seconds for which a request waits for its turn."""

_STRIPES = 4096
"""Files at most; of two things that share one, by a rare chance, one waits for the other."""
_EVERY = 0.005


class NoTurn(Conflict):
    """Other requests that change the same thing take too long. Nothing was done; ask again."""


class Turns:
    """Those of one store."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine, self._folder = engine, directory / "turns"

    @cached_property
    def _locks(self) -> Engine | None:
        """None for a file. Not the store's pool: whoever waits for a turn keeps no connection from whoever has it."""
        if self._engine.dialect.name == "sqlite":
            return None
        return sql_engine(self._engine.url, pool_size=2, max_overflow=38, pool_pre_ping=True)

    def close(self) -> None:
        if (locks := self.__dict__.get("_locks")) is not None:
            locks.dispose()

    @contextmanager
    def taken(self, name: str) -> Iterator[None]:
        """Alone with the thing of this name. Raises NoTurn."""
        digest = hashlib.sha256(name.encode()).digest()
        with self._in_file(digest) if self._locks is None else self._in_database(self._locks, digest):
            yield

    @contextmanager
    def _in_file(self, digest: bytes) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{int.from_bytes(digest[:2], 'big') % _STRIPES:04}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            until = time.monotonic() + PATIENCE
            while not _locked(descriptor):
                if time.monotonic() > until:
                    raise _no_turn()
                time.sleep(_EVERY)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _in_database(self, locks: Engine, digest: bytes) -> Iterator[None]:
        number = int.from_bytes(digest[:8], "big", signed=True)
        with locks.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"SET lock_timeout = {int(PATIENCE * 1000)}"))
            try:
                connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", "") == "55P03":  # lock_not_available
                    raise _no_turn() from None
                raise
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _no_turn() -> NoTurn:
    return NoTurn(f"other requests change this, and have not ended within {PATIENCE:g} s; nothing was done: ask again")
