"""Puts a backup in place of a store: everything is verified and made ready first, then it changes at once.

A restore that is cut off before it changes anything leaves the store as it was. One that is cut off later leaves a mark
(`restored.py`), nobody opens the store, and running it again finishes it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, text

from pilotage.adapters.files import private_folder
from pilotage.adapters.store_archive import Archive
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.placement.location import made
from pilotage.engine.placement.lock import WORKER, Lock, holder_of, lock_file
from pilotage.engine.records import migrations
from pilotage.engine.records.database import connect_database
from pilotage.engine.records.restored import half_restored, restoring
from pilotage.engine.records.store_backup import BEFORE, unlimited
from pilotage.engine.records.store_ready import READY, fill, in_one_file
from pilotage.engine.records.table_dump import tables_in
from pilotage.model.errors import Conflict
from pilotage.model.store_backup import Manifest

_KEY = "keys/signing.pem"
_JUST_ENDED = 2.0
_OTHERS = text(
    "SELECT application_name, client_addr FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND application_name LIKE 'pilotage%'"
)


class StoreInUse(Conflict):
    """A worker, a server or a command uses the store. Stop it first."""


class StoreNotEmpty(Conflict):
    """There are records already. `--force` replaces them."""


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else works in the folder meanwhile. Raises StoreInUse."""
    for path in sorted(made(directory).glob("*.lock")):
        if (found := holder_of(path)) is not None:
            raise StoreInUse(
                f"process {found.pid} works in {directory} ({path.stem})",
                cure="stop it: `pilotage worker --stop`, or `systemctl stop` its unit",
            )
    lock: Lock | None = lock_file(directory / WORKER)
    if lock is None:
        raise StoreInUse(f"a worker runs in {directory}", cure="stop it: `pilotage worker --stop`")
    for left in directory.glob(f"{READY}*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        yield
    finally:
        del lock


def replace(archive: Archive, ready: Path, directory: Path, *, force: bool, now: float) -> Path | None:
    """Put what was made ready in place; returns the folder with what it replaced, None if there was nothing. Within
    `alone`. Raises StoreInUse, StoreNotEmpty."""
    reach("restore-ready")
    force = force or half_restored(directory) is not None
    _refuse_another_key(ready, directory, force)
    aside = directory / f"{BEFORE}{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
    engine = connect_database(directory) if _is_server(directory) else None
    if engine is None:
        _replace_file(archive, ready, directory, aside, force=force)
    else:
        try:
            _replace_tables(engine, archive, ready, directory, aside, force=force)
        finally:
            engine.dispose()
    return aside if aside.exists() else None


def _is_server(directory: Path) -> bool:
    from pilotage.engine.placement.location import database_url

    return not database_url(directory).startswith("sqlite:")


def _refuse_another_key(ready: Path, directory: Path, force: bool) -> None:
    here, theirs = directory / _KEY, ready / _KEY
    if not force and here.exists() and theirs.exists() and here.read_bytes() != theirs.read_bytes():
        raise StoreNotEmpty(f"{here} is another key than the backup's", cure="replace it with --force")


# ── a file ─────────────────────────────────────────────────────────────────────────────────────────────────


def _replace_file(archive: Archive, ready: Path, directory: Path, aside: Path, *, force: bool) -> None:
    file = directory / "pilotage.sqlite"
    with restoring(directory, archive.path):
        reach("restore-marked")
        if file.exists():  # marked first: a command that opens the old store after this look would lose what it writes
            _settle(file, force)
        _move_files(archive.manifest, ready, directory, aside)
        reach("restore-files")
        _keep_aside(file, aside)
        (ready / "pilotage.sqlite").replace(file)
        reach("restore-swapped")
    _sync(directory)


def _settle(file: Path, force: bool) -> None:
    """See that nobody uses the old file, and that all it holds is in it. Raises StoreInUse, StoreNotEmpty."""
    try:
        if not force and (rows := _rows_in(file)):
            raise StoreNotEmpty(f"{file} has {rows} rows already", cure="replace them with --force")
        in_one_file(file)
    except sqlite3.OperationalError as error:
        raise StoreInUse(f"another process uses {file} ({error})", cure="stop it first") from None
    except sqlite3.DatabaseError as error:
        if not force:
            raise StoreNotEmpty(f"{file} is damaged ({error})", cure="replace it with --force") from None


def _rows_in(file: Path) -> int:
    with closing(sqlite3.connect(file, timeout=1)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = [name for (name,) in names if name != "alembic_version"]
        return sum(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)


def _keep_aside(file: Path, aside: Path) -> None:
    """The old store has a second name before the new one takes its first. The log of a damaged one goes along."""
    there = [path for path in (file, *_logs_of(file)) if path.exists()]
    if there:
        private_folder(aside)
    for log in there[1:] if file in there else there:
        log.rename(aside / log.name)
    if file in there:
        with suppress(FileExistsError):
            (aside / file.name).hardlink_to(file)


def _logs_of(file: Path) -> tuple[Path, Path]:
    return file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")


# ── PostgreSQL ─────────────────────────────────────────────────────────────────────────────────────────────


def _replace_tables(
    engine: Engine, archive: Archive, ready: Path, directory: Path, aside: Path, *, force: bool
) -> None:
    """In one transaction, which ends after the files are in place."""
    with engine.connect() as connection:
        unlimited(connection)
        with connection.begin() as transaction:
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {name} = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(7210469)"))
            _refuse_others(connection)
            _refuse_what_is_there(connection, archive, force)
            fill(connection, archive)
            with restoring(directory, archive.path):
                reach("restore-marked")
                _move_files(archive.manifest, ready, directory, aside)
                reach("restore-files")
                transaction.commit()
                reach("restore-swapped")
        connection.detach()


def _refuse_others(connection: Connection) -> None:
    """Workers of other folders, servers and commands. One that has just ended may be shown for a moment. Raises
    StoreInUse."""
    until = time.monotonic() + _JUST_ENDED
    while found := connection.execute(_OTHERS).all():
        if time.monotonic() > until:
            who = ", ".join(sorted({f"{name} at {address or 'this machine'}" for name, address in found}))
            raise StoreInUse(f"{len(found)} connections of Pilotage use the database: {who}", cure="stop them first")
        time.sleep(0.1)
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))


def _refuse_what_is_there(connection: Connection, archive: Archive, force: bool) -> None:
    present = migrations.revision(connection)
    if present is None:
        return
    if present > archive.manifest.revision:
        raise StoreNotEmpty(
            f"the database has tables of revision {present:04d}, newer than the backup's "
            f"({archive.manifest.revision:04d})",
            cure="restore into an empty database",
        )
    rows = sum(int(connection.scalar(select(func.count()).select_from(one)) or 0) for one in tables_in(connection))
    if rows and not force:
        raise StoreNotEmpty(f"the database has {rows} rows already", cure="replace them with --force")


# ── both ───────────────────────────────────────────────────────────────────────────────────────────────────


def _move_files(manifest: Manifest, ready: Path, directory: Path, aside: Path) -> None:
    """Files of the same name move aside first. One that is in place already stays, so this may be repeated."""
    for part in manifest.files:
        source, place = ready / part.name, directory / part.name
        private_folder(place.parent)
        if place.is_file() and place.read_bytes() != source.read_bytes():
            private_folder((aside / part.name).parent)
            with suppress(FileExistsError):
                (aside / part.name).hardlink_to(place)
        source.replace(place)
    _sync_all([directory / part.name for part in manifest.files])


def _sync_all(files: Sequence[Path]) -> None:
    for folder in sorted({path.parent for path in files}):
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
