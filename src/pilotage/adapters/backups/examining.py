"""What `doctor` looks at before a backup is needed: programs of PostgreSQL, connections, and what their users may."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pilotage.adapters.backups.connection import Server, query
from pilotage.adapters.ports import AdapterError
from pilotage.model.finding import Finding

_PROGRAMS = ("pg_dump", "pg_restore", "psql")
_VERSION = re.compile(r"\b(\d+)\.")


def examine_backups(database: Server, scratch: Server) -> Iterator[Finding]:
    """A finding each; changes nothing."""
    oldest = 0
    for program in _PROGRAMS:
        try:
            said = database.run(program, "--version", connected=False).strip()
        except AdapterError as error:
            yield Finding("FAIL", "backup", str(error))
            return
        oldest = min(oldest or 10**6, _major(said))
    try:
        newest = max(_server(server) for server in (database, scratch))
        may = _may_create(scratch)
    except AdapterError as error:
        yield Finding("FAIL", "backup", str(error))
        return
    if oldest < newest:
        cure = "install the newer programs, and name their folder with backup.programs"
        yield Finding("FAIL", "backup", f"pg_dump {oldest} cannot back up PostgreSQL {newest}: {cure}")
    elif not may:
        user = scratch.options.get("user", "the user")
        cure = f"ALTER ROLE {user} CREATEDB"
        yield Finding("FAIL", "backup", f"{user} may not create databases at {scratch.called}: {cure}")
    else:
        yield Finding("PASS", "backup", f"PostgreSQL {newest} at {database.called}, tried out at {scratch.called}")


def _major(said: str) -> int:
    """Of `pg_dump (PostgreSQL) 18.6`."""
    found = _VERSION.search(said)
    return int(found[1]) if found else 0


def _server(server: Server) -> int:
    with server.connect() as connection:
        ((number,),) = query(connection, "SELECT current_setting('server_version_num')")
    return int(str(number)) // 10_000


def _may_create(server: Server) -> bool:
    with server.connect() as connection:
        ((may,),) = query(connection, "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
    return bool(may)
