"""What `backup` prints with `--json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class TableOutput(Part, frozen=True, kw_only=True):
    """One table of a backup."""

    name: str
    rows: int
    """Number of rows."""
    checksum: str
    """Sum of a hash of each row. It does not depend on the order of the rows."""


class BackupOutput(Output, frozen=True, kw_only=True):
    """`backup make`, `backup verify`."""

    id: str
    environment: str
    database: str
    """Host, port and name."""
    made_at: str
    """When it was made."""
    dump_seconds: float
    """How long the dump took."""
    size_bytes: int
    sha256: str
    purpose: str
    """`asked`, `check`, `closed` or `replaced`."""
    rollout: str | None
    verified: bool
    """Whether its last restore into a scratch database brought everything back."""
    verified_at: str | None
    """When it was last restored into a scratch database; null if it never was."""
    restore_seconds: float | None
    """How long that restore took."""
    problem: str
    """What was missing after the last restore; empty if nothing was."""
    tables: tuple[TableOutput, ...]


class BackupsOutput(Output, frozen=True, kw_only=True):
    """`backup list`."""

    backups: tuple[BackupOutput, ...]
    """Newest first."""


class StoreTableOutput(Part, frozen=True, kw_only=True):
    """A table of Pilotage's own store."""

    name: str
    rows: int
    """Number of rows."""


class StoreBackupOutput(Output, frozen=True, kw_only=True):
    """`store backup`, `store verify`."""

    file: str
    """Path of the backup."""
    made_at: str
    """The moment as of which every table was read."""
    place: str
    """Machine and folder that it was made on."""
    database: str
    """`sqlite` or `postgresql`."""
    pilotage: str
    """Version of Pilotage that made it."""
    revision: int
    """Number of the newest migration of the store."""
    rows: int
    """Rows of all tables."""
    tables: tuple[StoreTableOutput, ...]
    files: tuple[str, ...]
    """Paths in the state folder."""
    changed: tuple[str, ...]
    """Records that are not what Pilotage wrote, a sentence each."""
