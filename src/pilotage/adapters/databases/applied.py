"""Which migrations a database has, by the table of the tool that applied them."""

from __future__ import annotations

from typing import Protocol

from pilotage.adapters.databases.refused import NoTable
from pilotage.model.migration import Applied, Brought, Tool

_Rows = list[tuple[object, ...]]


class Readable(Protocol):
    """A database that answers queries."""

    transactional: bool

    @property
    def called(self) -> str: ...
    def rows(self, query: str) -> _Rows: ...


def applied_in(database: Readable, brought: Brought) -> Applied:
    """Raises AdapterError where the table cannot be read; one that is not there is an answer."""
    try:
        match brought.tool:
            case Tool.ALEMBIC:
                rows = database.rows(f"SELECT version_num FROM {brought.table}")
                found = Applied(database=database.called, ids=tuple(str(row[0]) for row in rows))
            case Tool.DJANGO:
                rows = database.rows(f"SELECT app, name FROM {brought.table}")
                found = Applied(database=database.called, ids=tuple(f"{app}.{name}" for app, name in rows))
            case Tool.FLYWAY:
                asked = (
                    f"SELECT version, description, type, checksum, success FROM {brought.table} ORDER BY installed_rank"
                )
                found = _flyway(database.called, database.rows(asked))
    except NoTable:
        found = Applied(database=database.called, exists=False)
    return Applied(**{**vars(found), "transactional": database.transactional})


def _flyway(called: str, rows: _Rows) -> Applied:
    """The last row of a migration counts: it may have been undone, or repaired and repeated."""
    ids: dict[str, None] = {}
    checksums: dict[str, int] = {}
    failed: dict[str, None] = {}
    baseline = ""
    for version, description, kind, checksum, success in rows:
        identity = str(version) if version is not None else f"R {description}"
        number = identity if version is None else normal(identity)
        if str(kind) == "BASELINE":
            baseline = number
        elif str(kind).startswith("UNDO"):
            ids.pop(number, None)
        elif str(kind) == "DELETE":
            ids.pop(number, None)
            failed.pop(number, None)
        elif not success:
            failed[number] = None
        else:
            failed.pop(number, None)
            ids[number] = None
            if checksum is not None:
                checksums[number] = int(str(checksum))
    return Applied(
        database=called, ids=tuple(ids), failed=tuple(failed), checksums=checksums, baseline=baseline
    )  # fmt: skip


def normal(version: str) -> str:
    """Flyway's number without what makes no difference: `1_02` and `1.2.0` are `1.2`."""
    parts = [str(int(part)) if part.isdecimal() else part for part in version.replace("_", ".").split(".")]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts)
