"""Datasette, an application nobody here wrote: two published versions of it, and what they serve in tests."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

OLD, NEW = "0.64.8", "0.65.1"
BOOKS, AUTHORS = 2000, 500


def install(place: Path) -> None:
    """`<place>/<version>/bin/datasette` for both versions, from the package index."""
    for version in (OLD, NEW):
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(place / version)], check=True)
        python = str(place / version / "bin" / "python")
        # Datasette's own dependency on pkg_resources ended with setuptools 81.
        wanted = [f"datasette=={version}", "setuptools<81"]
        subprocess.run([*uv, "pip", "install", "-q", "--python", python, *wanted], check=True)


def write_library(database: Path) -> None:
    """An SQLite file with books, which have titles, and authors, who have names."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column, rows in (("book", "title", BOOKS), ("author", "name", AUTHORS)):
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column} TEXT)")
            named = [(f"{table} {number}",) for number in range(rows)]
            connection.executemany(f"INSERT INTO {table} ({column}) VALUES (?)", named)


def command(environments: Path, database: Path, plugins: str = "") -> list[str]:
    """The fleet's command. plugins: a folder of plugins, in which `{version}` may stand."""
    program = str(environments / "{version}" / "bin" / "datasette")
    served = [program, "serve", str(database), "--port", "{port}"]
    return [*served, "--plugins-dir", plugins] if plugins else served
