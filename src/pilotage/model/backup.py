"""What is known of a backup: what it holds, row by row counted, and what became of it when it was restored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FORMAT = 1
"""Of the description next to a dump."""


class Purpose(StrEnum):
    """Why a backup was made."""

    ASKED = "asked"
    """Somebody or a schedule ran `backup make`."""
    CHECK = "check"
    """A rollout's check-backup step."""
    CLOSED = "closed"
    """A rollout, while its service was closed and before the new version started: what a restore brings back."""
    REPLACED = "replaced"
    """A restore, of the data that it then replaced."""


@dataclass(frozen=True, kw_only=True)
class TableSum:
    """One table. name: schema and table, each quoted as SQL needs it · checksum: the sum of a hash of each row, which
    does not depend on the order of the rows."""

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a database held at one moment. tables: sorted by name · large_objects: their number."""

    tables: tuple[TableSum, ...]
    large_objects: int = 0

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A backup was restored into a scratch database and compared. at: Unix seconds · seconds: the restore took ·
    modified: of the dump, in nanoseconds, so that a later change shows · problem: empty where everything came back."""

    at: float
    seconds: float
    modified: int
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A complete backup. id: begins with its time · database: host, port and name · at: Unix seconds of the snapshot ·
    seconds: the dump took · size: bytes · rollout: it was made for, or empty · encoding, collate, ctype: of the
    database · tried: None where it was never restored."""

    id: str
    service: str
    environment: str
    database: str
    at: float
    seconds: float
    size: int
    sha256: str
    server: str
    encoding: str
    collate: str
    ctype: str
    contents: Contents
    purpose: Purpose = Purpose.ASKED
    rollout: str = ""
    tried: Tried | None = None
    format: int = FORMAT

    @property
    def verified(self) -> bool:
        """Whether its last try brought everything back."""
        return self.tried is not None and not self.tried.problem


def differences(held: Contents, restored: Contents) -> tuple[str, ...]:
    """What a restored database lacks or has beyond a backup's contents, a sentence each."""
    there = {table.name: table for table in restored.tables}
    found = []
    for table in held.tables:
        other = there.pop(table.name, None)
        if other is None:
            found.append(f"table {table.name} is missing")
        elif other.rows != table.rows:
            found.append(f"table {table.name} has {other.rows} rows, the backup has {table.rows}")
        elif other.checksum != table.checksum:
            found.append(f"table {table.name} has other contents than the backup")
    found += [f"table {name} is not in the backup" for name in there]
    if held.large_objects != restored.large_objects:
        found.append(f"{restored.large_objects} large objects, the backup has {held.large_objects}")
    return tuple(found)
