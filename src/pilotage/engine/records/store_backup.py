"""Backs up a store that is in use: every table as of one moment, then the files of the state folder.

The files come last: whatever key or artifact the tables name was there before they did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from pilotage.adapters.store_archive import ArchiveWriter, chunks_of
from pilotage.engine.placement.lock import present_version
from pilotage.engine.records.database import connect_database
from pilotage.engine.records.home import here
from pilotage.engine.records.migrations import revision
from pilotage.engine.records.restored import refuse_half_restored
from pilotage.engine.records.revision import NEWEST
from pilotage.engine.records.table_dump import lines_of, tables_in
from pilotage.model.errors import Conflict
from pilotage.model.store_backup import Manifest, Part, TablePart

_NOT_KEPT = ("run", "ways")
"""Folders of processes and checkouts, which exist on this machine only."""
BEFORE = "before-restore-"
"""How the folder with what a restore replaced begins."""
_OWN = ("pilotage.sqlite", "worker.log", "restore.json", "store-backup.json")


class NothingStored(Conflict):
    """The store is empty: there is nothing to back up."""


def back_up(directory: Path, archive: ArchiveWriter, now: float) -> Manifest:
    """Write the store of `directory` into an archive. Raises NothingStored, RestoreCutOff, OSError, and SQLAlchemy's
    errors of a store that does not answer."""
    refuse_half_restored(directory)
    engine = connect_database(directory)
    try:
        with _at_one_moment(engine) as connection:
            known = revision(connection)
            if known is None:
                raise NothingStored(f"the store of {directory} is empty")
            tables = tuple(_dumped(connection, archive))
    finally:
        engine.dispose()
    manifest = Manifest(
        pilotage=present_version(), revision=known, database=engine.dialect.name, made_at=now,
        place=here(directory).name, tables=tables, files=tuple(_kept(directory, archive)),
    )  # fmt: skip
    archive.finish(manifest)
    return manifest


def is_current(directory: Path) -> bool:
    """Whether the store has the tables of this version. Changes nothing."""
    engine = connect_database(directory)
    try:
        with engine.connect() as connection:
            return revision(connection) == NEWEST
    finally:
        engine.dispose()


@contextmanager
def _at_one_moment(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, sees no later change and keeps no writer waiting."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, connection.begin():
            yield connection
        return
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        unlimited(connection)
        with connection.begin():
            connection.execute(text("SET TRANSACTION READ ONLY"))
            for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {name} = 0"))
            yield connection
        connection.detach()


def unlimited(connection: Connection) -> None:
    """Let a statement to PostgreSQL take as long as it takes. The connection is not for others afterwards."""
    vars(connection.connection.driver_connection)["patience"] = None


def _dumped(connection: Connection, archive: ArchiveWriter) -> Iterator[TablePart]:
    for table in tables_in(connection):
        rows: list[int] = []
        part = archive.table(table.name, lines_of(connection, table, rows.append))
        yield TablePart(table=table.name, columns=tuple(table.columns.keys()), rows=sum(rows), part=part)


def _kept(directory: Path, archive: ArchiveWriter) -> Iterator[Part]:
    for path in files_of_state(directory):
        try:
            yield archive.file(path.relative_to(directory).as_posix(), chunks_of(path))
        except FileNotFoundError:
            continue  # `prune` removes what nothing needs any more


def files_of_state(directory: Path) -> list[Path]:
    """What a restored installation needs beside the tables: keys, built artifacts, settings that the worker notes, the
    identity of the place. Locks, logs, links and half-written files are left out."""
    return sorted(
        path for path in directory.rglob("*") if _is_kept(path.relative_to(directory).parts)
        and path.is_file() and not path.is_symlink()
    )  # fmt: skip


def _is_kept(parts: tuple[str, ...]) -> bool:
    first, last = parts[0], parts[-1]
    if first in _NOT_KEPT or first.startswith((BEFORE, *_OWN)) or any(part.startswith(".") for part in parts):
        return False
    return not last.endswith((".lock", ".log", ".unreadable", ".partial"))
