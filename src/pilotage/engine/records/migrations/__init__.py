"""Brings a store's tables to what this version of Pilotage needs; a newer store is refused."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from pilotage.engine.execution.failpoints import reach
from pilotage.engine.execution.supervisor import ensure_worker, stop_worker
from pilotage.engine.placement.lock import worker_pid
from pilotage.engine.records.revision import NEWEST, number_in
from pilotage.model.errors import Conflict

_log = logging.getLogger(__name__)
_HERE = Path(__file__).parent

_LARGEST_COPY = 2**30
"""Bytes of a file that is copied before it is migrated; a copy of a larger one is its owner's to make."""

_TURN_MS, _PAUSE = 300, 0.05
"""Milliseconds that a migration waits for one table, of the second after which PostgreSQL ends one of two that wait for
each other; and seconds in which others get their turn before it tries again."""
_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's SQLSTATE when `lock_timeout` is over."""


class StoreTooNew(Conflict):
    """A newer version of Pilotage migrated the store. Use that version."""


def migrate(engine: Engine, directory: Path) -> None:
    """Run the migrations that are missing. Safe to call at once from several processes.

    On a file, a worker of an older version that is at work in `directory` is ended first, and a new one started after.
    On PostgreSQL older workers go on: they find tables of the shape they know. Raises StoreTooNew.
    """
    with engine.connect() as connection:
        now = revision(connection)
    if now == NEWEST:
        return
    if now is not None and now > NEWEST:
        raise StoreTooNew(f"the store has revision {now:04d}, this version knows up to {NEWEST:04d}: upgrade Pilotage")
    file = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
    if file is None or now is None or file.resolve().parent != directory.resolve():
        _run(engine)
        return
    # A worker that migrates when it starts holds the lock itself, and is of this version.
    others = worker_pid(directory) != os.getpid() and stop_worker(directory)
    _copy(file)
    _run(engine)
    if others:
        ensure_worker(directory)


def revision(connection: Connection) -> int | None:
    """The number of the last migration that was run; None in a store that is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return number_in(row[0]) if row else None


def _run(engine: Engine) -> None:
    with engine.execution_options(migrates=True).connect() as connection:
        if engine.dialect.name == "postgresql":
            # It takes as long as it takes, and waits for another one that migrates.
            vars(connection.connection.driver_connection)["patience"] = None
        with connection.begin():
            if engine.dialect.name == "postgresql":
                for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                    connection.execute(text(f"SET LOCAL {name} = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(7210469)"))
            if revision(connection) != NEWEST:
                _alone(connection)
                _upgrade(connection)
                reach("upgrade")
        # It checked no foreign keys, which tables that are made anew would have broken meanwhile.
        connection.detach()


def _upgrade(connection: Connection) -> None:
    """Run every migration that is missing, in the transaction that is open."""
    upgrade_to(connection, "head")


def upgrade_to(connection: Connection, revision: str) -> None:
    """Run the migrations up to one, such as `0022`, in the transaction that is open."""
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _alone(connection: Connection) -> None:
    """On PostgreSQL, take every table before the first one is changed: workers that go on meanwhile touch them in
    another order, and each would wait for the other. Whoever waits gives all of them back, soon enough that PostgreSQL
    looks for no deadlock, and tries again."""
    if connection.dialect.name != "postgresql" or not (names := _tables(connection)):
        return
    while True:
        attempt = connection.begin_nested()
        try:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_TURN_MS}ms'"))
            connection.execute(text(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            attempt.commit()
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            attempt.rollback()
            time.sleep(_PAUSE)


def _tables(connection: Connection) -> list[str]:
    """Names of all tables and views of the schema, as they are quoted."""
    found, quote = inspect(connection), connection.dialect.identifier_preparer.quote
    return [quote(name) for name in sorted([*found.get_table_names(), *found.get_view_names()])]


def _copy(file: Path) -> None:
    """Keep the file as it was, beside it, for whoever must go back to the older version."""
    kept = file.with_name(f"{file.name}.before-{NEWEST:04d}")
    if kept.exists():
        return
    if file.stat().st_size > min(_LARGEST_COPY, shutil.disk_usage(file.parent).free / 4):
        _log.warning("migrating %s without a backup: it is too large, or the disk is too full", file)
        return
    making = kept.with_name(f"{kept.name}.{os.getpid()}")
    try:
        os.close(os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            connection.execute("VACUUM INTO ?", (str(making),))
        finally:
            connection.close()
        making.rename(kept)
    except (sqlite3.Error, OSError) as error:
        making.unlink(missing_ok=True)
        _log.warning("migrating %s without a backup: %s", file, error)
