"""The store's database: a file of SQLite, or a PostgreSQL that many workers share."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url

from pilotage.adapters.sql_engine import sql_engine
from pilotage.engine.placement.location import database_url, made, make_store_private
from pilotage.engine.records.migrations import migrate
from pilotage.engine.records.restored import refuse_half_restored

_log = logging.getLogger(__name__)

LONGEST_WAIT = 5.0
"""Seconds that anyone waits for a lock, a connection or an answer of the database before it counts as failed."""

LONGEST_PAUSE = LONGEST_WAIT - 1.0
"""Seconds that a transaction may be idle before PostgreSQL ends it: sessions that wait for its locks still get them."""

_PATIENCE = {
    "connect_timeout": 3, "tcp_user_timeout": 4000, "keepalives_idle": 5, "keepalives_interval": 2,
    "keepalives_count": 2, "fallback_application_name": "pilotage",
}  # fmt: skip
"""Of libpq, unless the URL says otherwise: a database that is gone is found out within seconds. The name shows in
pg_stat_activity."""


def open_database(directory: Path, url: str | None = None) -> Engine:
    """The database of `directory`, brought up to date: a file in it, or what `url` or the environment names. Raises
    RestoreCutOff."""
    refuse_half_restored(directory)
    engine = connect_database(directory, url)
    migrate(engine, directory)
    return engine


def connect_database(directory: Path, url: str | None = None) -> Engine:
    """The same database as it is."""
    made(directory)
    url = url or database_url(directory)
    make = partial(sql_engine, url, json_serializer=_json, pool_size=20, max_overflow=20, pool_timeout=LONGEST_WAIT)
    if url.startswith("sqlite:"):
        _keep_to_ourselves(make_url(url).database)
        engine = make(connect_args={"timeout": LONGEST_WAIT})
        _set_up_sqlite(engine)
    else:
        given = make_url(url).query
        waits = {name: value for name, value in _PATIENCE.items() if name not in given}
        engine = make(pool_pre_ping=True, connect_args=waits)
        _set_up_postgresql(engine)
    return engine


def checkpoint(engine: Engine) -> None:
    """Move SQLite's write-ahead log into the file itself, so that a copy of the file is complete. Waits for nobody, and
    leaves what is still being read."""
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error as error:
        _log.info("checkpoint failed: %s", error)
    finally:
        connection.close()


def _keep_to_ourselves(file: str | None) -> None:
    """SQLite gives its other files (`-wal`, `-shm`) the mode of this one."""
    if file and file != ":memory:":
        with suppress(OSError):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        make_store_private(Path(file))


def _json(value: object) -> str:
    """NaN and infinities are no JSON: PostgreSQL would refuse them, so a file does too."""
    return json.dumps(value, allow_nan=False)


def _set_up_sqlite(engine: Engine) -> None:
    """`engine.begin()` is for writing, `engine.connect()` for reading: a reader has the state as of its first query,
    waits for no writer and keeps none waiting."""

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        wait = f"busy_timeout={LONGEST_WAIT * 1000:.0f}"
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", wait):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A transaction that reads before it writes must hold the write lock from its start, or it may fail halfway.
        options = connection.get_execution_options()
        if "migrates" in options:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if "writes" in options or "migrates" in options else "BEGIN")

    engine.begin = engine.execution_options(writes=True).begin  # type: ignore[method-assign]


def _set_up_postgresql(engine: Engine) -> None:
    from pilotage.engine.records.postgresql import Impatient

    @event.listens_for(engine, "do_connect")
    def _(_dialect: object, _record: object, arguments: Sequence[str], named: Mapping[str, Any]) -> Impatient:
        return Impatient.connect(*arguments, **named)

    @event.listens_for(engine, "connect")
    def _(connection: Impatient, _record: object) -> None:
        # A controller that freezes inside a transaction would keep its locks, and every other controller waiting.
        limits = {
            "idle_in_transaction_session_timeout": LONGEST_PAUSE,
            "statement_timeout": LONGEST_WAIT,
            "lock_timeout": LONGEST_WAIT,
        }
        with connection.cursor() as cursor:
            for name, seconds in limits.items():
                cursor.execute(f"SET {name} = '{seconds * 1000:.0f}ms'")
        connection.commit()
