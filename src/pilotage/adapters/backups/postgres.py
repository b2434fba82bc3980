"""Dumps a PostgreSQL database, loads a dump into an empty database, and puts one in place of what is there.

A dump and its sums are of one snapshot. A restore is one transaction, which compares the sums before it commits: killed
at any moment, or with a dump that is not what it was, it leaves the database as it is.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pilotage.adapters.backups.connection import Server, execute, query
from pilotage.adapters.backups.measuring import OF_USERS, SETTINGS, comparison, contents_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.backup import Backup, Contents

if TYPE_CHECKING:
    import psycopg

_SCRATCH = "pilotage_scratch_"
_LOCK = 0x70696C6F74
"""Advisory lock of a restore: the word "pilot"."""
_WAITS = "60s"
"""For sessions that use the tables which a restore replaces."""


@dataclass(frozen=True, kw_only=True)
class Dumped:
    """What a dump holds, and of what."""

    contents: Contents
    server: str
    encoding: str
    collate: str
    ctype: str


def dump(server: Server, path: Path) -> Dumped:
    """Write the whole database into `path`. Others may write to it meanwhile. Raises AdapterError."""
    import psycopg

    with server.connect() as connection:
        connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        ((snapshot,),) = query(connection, "SELECT pg_catalog.pg_export_snapshot()")
        arguments = ("--format=custom", "--no-password", f"--snapshot={snapshot}", f"--file={path}")
        started = server.start("pg_dump", *arguments)
        try:
            ((version, encoding, collate, ctype),) = query(connection, _DATABASE)
            contents = contents_of(connection)
        except BaseException:
            started.kill()
            started.communicate()
            raise
        server.result("pg_dump", started)
    return Dumped(
        contents=contents, server=str(version), encoding=str(encoding), collate=str(collate), ctype=str(ctype)
    )


_DATABASE = (
    "SELECT current_setting('server_version'), pg_encoding_to_char(encoding), datcollate, datctype "
    "FROM pg_database WHERE datname = current_database()"
)


# ── elsewhere ──────────────────────────────────────────────────────────────────────────────────────────────


def load_elsewhere(server: Server, backup: Backup, path: Path) -> tuple[Contents, float]:
    """Restore a dump into a new database of `server`, which is dropped afterwards. Returns what it held then, and the
    seconds that the restore took. Raises AdapterError."""
    with _scratch(server, backup) as scratch:
        began = time.monotonic()
        arguments = ("--no-owner", "--no-acl", "--exit-on-error", "--no-password")
        scratch.run("pg_restore", *arguments, f"--dbname={scratch.options['dbname']}", str(path))
        seconds = time.monotonic() - began
        with scratch.connect() as connection:
            return contents_of(connection), seconds


@contextmanager
def _scratch(server: Server, backup: Backup) -> Iterator[Server]:
    """A new database, and none of those whose makers were killed. Each maker holds a lock on the name of its own."""
    name = f"{_SCRATCH}{secrets.token_hex(6)}"
    with server.connect(autocommit=True) as connection:
        for (left,) in query(connection, f"SELECT datname FROM pg_database WHERE datname LIKE '{_SCRATCH}%'"):
            ((abandoned,),) = query(connection, f"SELECT pg_try_advisory_lock(hashtextextended('{left}', 0))")
            if abandoned:
                execute(connection, f'DROP DATABASE IF EXISTS "{left}" WITH (FORCE)')
        query(connection, f"SELECT pg_advisory_lock(hashtextextended('{name}', 0)) IS NULL")
        _create(connection, name, backup)
        try:
            yield server.named(name)
        finally:
            with suppress(AdapterError):
                execute(connection, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str, backup: Backup) -> None:
    """With the locale of the backup's database; without it where this server does not know that."""
    plain = f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{_quoted(backup.encoding)}'"
    own = f"{plain} LC_COLLATE '{_quoted(backup.collate)}' LC_CTYPE '{_quoted(backup.ctype)}'"
    try:
        execute(connection, own)
    except AdapterError:
        execute(connection, f"{plain} LC_COLLATE 'C' LC_CTYPE 'C'")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


# ── in place ───────────────────────────────────────────────────────────────────────────────────────────────


def load_in_place(server: Server, backup: Backup, path: Path) -> float:
    """Replace everything in the database by what a dump holds; returns the seconds it took. Raises AdapterError, and
    the database is then as it was."""
    began = time.monotonic()
    listed = server.run("pg_restore", "--list", str(path), connected=False)
    present, wanted = _kept(server), _entries(listed)
    own = ["--single-transaction"] if backup.contents.large_objects else []
    with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen:
        chosen.write("\n".join(line for line, entry in wanted if entry not in present))
        chosen.flush()
        psql = server.start(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            "--set=ON_ERROR_STOP=1",
            "--file=-",
            stdin=subprocess.PIPE,
        )
        assert psql.stdin is not None
        try:
            _begin(psql.stdin, {entry for _, entry in wanted})
            _pour(server, psql.stdin, ["--clean", "--if-exists", *own, f"--use-list={chosen.name}", str(path)])
            _finish(psql.stdin, backup.contents)
        except BrokenPipeError:
            pass  # psql has ended, and says why
        except AdapterError:
            server.result("psql", psql)  # the same; what came until now is not committed
            raise
        except BaseException:
            psql.kill()
            psql.communicate()
            raise
        server.result("psql", psql)
    return time.monotonic() - began


def _kept(server: Server) -> frozenset[str]:
    """Schemas and extensions that are there already and stay: only their owner may make them again."""
    asked = (
        f"SELECT 'SCHEMA - ' || n.nspname FROM pg_namespace n WHERE {OF_USERS} "
        "UNION ALL SELECT 'EXTENSION - ' || extname FROM pg_extension"
    )
    with server.connect() as connection:
        names = [str(name) for (name,) in query(connection, asked)]
    return frozenset((*names, *(f"COMMENT - {name.replace(' - ', ' ', 1)}" for name in names if "EXTENSION" in name)))


def _entries(listed: str) -> list[tuple[str, str]]:
    """Each line of a dump's list, and what a schema, an extension or an extension's comment is called."""
    entries = []
    for line in listed.splitlines():
        if line.startswith(";"):
            continue
        found = _NAMED.match(line)
        entries.append((line, f"{found[1]} - {found[2]}" if found else ""))
    return entries


_NAMED = re.compile(r"\d+; \d+ \d+ (SCHEMA|EXTENSION|COMMENT) - ((?:EXTENSION )?\S+)")


def _begin(script: IO[bytes], entries: set[str]) -> None:
    """The begin of the transaction, in which everything that the dump brings goes first."""
    schemas = sorted(entry.removeprefix("SCHEMA - ") for entry in entries if entry.startswith("SCHEMA - "))
    listed = ", ".join(f"'{_quoted(name)}'" for name in ("public", *schemas))
    settings = f"SET search_path = ''; SET statement_timeout = 0; SET lock_timeout = '{_WAITS}'"
    script.write(f"BEGIN;\n{settings};\nSELECT pg_advisory_xact_lock({_LOCK}) \\g /dev/null\n".encode())
    script.write(_EMPTY.replace("SCHEMAS", listed).encode())
    script.flush()


def _pour(server: Server, into: IO[bytes], arguments: list[str]) -> None:
    """The dump as SQL. Raises AdapterError, and what comes out until then is never committed."""
    server.result("pg_restore", server.start("pg_restore", "--file=-", *arguments, connected=False, stdout=into))


def _finish(script: IO[bytes], held: Contents) -> None:
    """Nothing is committed that is not what was dumped. A script that ends before this commits nothing at all."""
    script.write(f"\n{SETTINGS};\n".encode())
    for statement in comparison(held):
        script.write(f"{statement}\n".encode())
    script.write(b"COMMIT;\n")
    script.flush()


_EMPTY = f"""
DO $pilotage_empty$
DECLARE commands text[]; command text;
BEGIN
  SELECT array_agg(found.command ORDER BY found.place) INTO commands FROM (
    SELECT 1 AS place, format('DROP %s IF EXISTS %I.%I CASCADE', CASE c.relkind WHEN 'v' THEN 'VIEW'
      WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
      n.nspname, c.relname) AS command
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {OF_USERS} AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 2, format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {OF_USERS} AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 3, format('DROP %s IF EXISTS %I.%I CASCADE', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END,
      n.nspname, t.typname)
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE {OF_USERS} AND (t.typtype IN ('d', 'e', 'r') OR c.relkind = 'c') AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 4, format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname)
    FROM pg_namespace n
    WHERE {OF_USERS} AND n.nspname NOT IN (SCHEMAS)
      AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid)
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
  ) found;
  SET LOCAL client_min_messages = warning;
  FOREACH command IN ARRAY coalesce(commands, ARRAY[]::text[]) LOOP EXECUTE command; END LOOP;
END
$pilotage_empty$;
"""
"""Drops what a new version may have added, too: what is not in the dump would stand in its way."""
