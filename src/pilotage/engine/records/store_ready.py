"""Makes a restored store ready beside the present one, from a backup that is verified first."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, delete

from pilotage.adapters.files import created, private_folder
from pilotage.adapters.store_archive import Archive, BadBackup
from pilotage.engine.placement.location import made
from pilotage.engine.records import migrations
from pilotage.engine.records.database import connect_database
from pilotage.engine.records.revision import NEWEST
from pilotage.engine.records.table_dump import UnknownTable, count_on, load, tables_in
from pilotage.model.errors import Unavailable

READY = ".restoring-"
"""How the folder of what is made ready begins."""


class NoRoom(Unavailable):
    """The disk is too full for what the backup holds."""


@contextmanager
def made_ready(archive: Archive, directory: Path) -> Iterator[Path]:
    """A folder with the restored store as a file of SQLite, of the present version's tables, and with the files of the
    state folder: complete, but in use by nobody. directory: where it is made. Raises BadBackup, NoRoom."""
    manifest = archive.manifest
    if manifest.revision > NEWEST:
        raise BadBackup(
            f"{archive.path} has a store of revision {manifest.revision:04d}, this version knows up to {NEWEST:04d}",
            cure="upgrade Pilotage",
        )
    if 2 * manifest.size > shutil.disk_usage(made(directory)).free:
        raise NoRoom(f"the restored store needs {2 * manifest.size:,} bytes in {directory}, which are not free")
    archive.verify()
    place = private_folder(directory / f"{READY}{os.urandom(8).hex()}")
    try:
        _make_store(archive, place)
        for part in manifest.files:
            _make_file(place / part.name, archive.file(part))
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _make_store(archive: Archive, place: Path) -> None:
    engine = connect_database(place, f"sqlite:///{place / 'pilotage.sqlite'}")
    try:
        with engine.execution_options(migrates=True).connect() as connection:
            with connection.begin():
                fill(connection, archive)
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise BadBackup(f"{archive.path} is damaged: rows refer to others that it does not have")
            connection.detach()
    finally:
        engine.dispose()
    in_one_file(place / "pilotage.sqlite")


def fill(connection: Connection, archive: Archive) -> None:
    """Tables of the backup's revision, its rows in them, then the migrations that are missing."""
    manifest = archive.manifest
    if manifest.revision == NEWEST:
        migrations._upgrade(connection)
    else:
        migrations.upgrade_to(connection, f"{manifest.revision:04d}")
    tables = {table.name: table for table in tables_in(connection)}
    if unknown := sorted({one.table for one in manifest.tables} ^ set(tables)):
        raise UnknownTable(f"{archive.path} and a store of its revision differ in the table {unknown[0]}")
    for table in reversed(tables.values()):
        connection.execute(delete(table))
    given = {one.table: one for one in manifest.tables}
    for name, table in tables.items():
        try:
            rows = load(connection, given[name], archive.table(given[name].part), table)
        except ValueError as error:
            raise BadBackup(f"{archive.path} is damaged: {name}: {error}") from None
        if rows != given[name].rows:
            raise BadBackup(f"{archive.path} is damaged: {name} has {rows} rows, not {given[name].rows}")
        if connection.dialect.name == "postgresql":
            count_on(connection, table)
    if manifest.revision != NEWEST:
        migrations.upgrade_to(connection, "head")


def _make_file(path: Path, content: Iterator[bytes]) -> None:
    private_folder(path.parent)
    with os.fdopen(created(path), "wb") as file:
        for chunk in content:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def in_one_file(file: Path) -> None:
    """Bring what is in the write-ahead log into the file. SQLite refuses while another process has it open."""
    with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
