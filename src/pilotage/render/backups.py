"""Backups as a table, a sentence and JSON."""

from __future__ import annotations

from pilotage.model.backup import Backup
from pilotage.model.output.backups import BackupOutput, StoreBackupOutput, StoreTableOutput, TableOutput
from pilotage.model.store_backup import Manifest
from pilotage.model.timestamp import timestamp

TITLES = ("ID", "MADE", "FOR", "ROWS", "BYTES", "DUMPED IN", "RESTORED IN")


def row_of(one: Backup) -> tuple[str, ...]:
    return (
        one.id, timestamp(one.at), f"{one.purpose} {one.rollout}".strip(), str(one.contents.rows), str(one.size),
        f"{one.seconds:.1f} s", _restored(one),
    )  # fmt: skip


def in_words(one: Backup) -> str:
    """What it holds and what came of it, a line a table."""
    head = (
        f"{one.id}: {one.contents.rows} rows in {len(one.contents.tables)} tables of {one.database}, "
        f"{one.size} bytes, dumped in {one.seconds:.1f} s"
    )
    tables = [f"  {table.rows:>12}  {table.name}" for table in one.contents.tables]
    return "\n".join((head, *tables, f"restored elsewhere: {_restored(one)}"))


def _restored(one: Backup) -> str:
    if one.tried is None:
        return "never"
    return f"FAILED: {one.tried.problem}" if one.tried.problem else f"{one.tried.seconds:.1f} s"


def output_of(one: Backup) -> BackupOutput:
    tried = one.tried
    return BackupOutput(
        id=one.id, environment=one.environment, database=one.database, made_at=timestamp(one.at),
        dump_seconds=one.seconds, size_bytes=one.size, sha256=one.sha256, purpose=str(one.purpose),
        rollout=one.rollout or None, verified=one.verified, verified_at=timestamp(tried.at) if tried else None,
        restore_seconds=tried.seconds if tried and not tried.problem else None, problem=tried.problem if tried else "",
        tables=tuple(TableOutput(name=t.name, rows=t.rows, checksum=t.checksum) for t in one.contents.tables),
    )  # fmt: skip


def store_output_of(manifest: Manifest, file: str, changed: tuple[str, ...]) -> StoreBackupOutput:
    """A backup of Pilotage's own store."""
    return StoreBackupOutput(
        file=file, made_at=timestamp(manifest.made_at), place=manifest.place, database=manifest.database,
        pilotage=manifest.pilotage, revision=manifest.revision, rows=manifest.rows,
        tables=tuple(StoreTableOutput(name=one.table, rows=one.rows) for one in manifest.tables),
        files=tuple(part.name for part in manifest.files), changed=changed,
    )  # fmt: skip
