"""The store's database: a file of SQLite, or a PostgreSQL that many workers share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from pilotage.engine.location import database_url, made
from pilotage.engine.migrations import migrate

LONGEST_PAUSE = 6.0
"""Seconds that a transaction may stand idle before PostgreSQL ends it: as long as a lease lasts."""


def open_database(directory: Path, url: str | None = None) -> Engine:
    """The database of `directory`, brought up to date: a file in it, or what `url` or the environment names."""
    made(directory)
    url = url or database_url(directory)
    if url.startswith("sqlite:"):
        engine = create_engine(url, connect_args={"timeout": 30}, json_serializer=_json)
        _set_up_sqlite(engine)
    else:
        engine = create_engine(url, pool_pre_ping=True, pool_size=20, max_overflow=20, json_serializer=_json)
        _set_up_postgresql(engine)
    migrate(engine)
    return engine


def _json(value: object) -> str:
    """NaN and infinities are no JSON: PostgreSQL would refuse them, so a file does too."""
    return json.dumps(value, allow_nan=False)


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A transaction that reads before it writes must hold the write lock from its start, or it may fail halfway.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_up_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        # A controller that freezes inside a transaction would keep its locks, and every other controller waiting.
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_PAUSE * 1000:.0f}ms'")
        connection.commit()
