"""Makes, tries out and restores the backups of an environment, as its `backup:` section says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.backups.connection import Server
from pilotage.adapters.backups.postgres import dump, load_elsewhere, load_in_place
from pilotage.adapters.backups.store import BackupFolder, UnknownBackup, digest_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.model.backup import Backup, Purpose, Tried, differences


class NotRestored(AdapterError):
    """A restore failed. The database is as it was before."""


@dataclass(frozen=True, kw_only=True)
class Backups:
    """Of one environment. database, scratch: connection strings · timeout: seconds of each dump and restore."""

    folder: BackupFolder
    service: str
    environment: str
    database: Secret
    scratch: Secret
    keep: int
    timeout: float
    programs: str | None

    def make(self, now: float, purpose: Purpose = Purpose.ASKED, rollout: str = "") -> Backup:
        """A new backup; the oldest ones go. now: Unix seconds. Raises AdapterError."""
        server = self.server(self.database)
        with self.folder.making(now) as (identity, path):
            began = time.monotonic()
            found = dump(server, path)
            seconds = round(time.monotonic() - began, 3)
            backup = Backup(
                id=identity, service=self.service, environment=self.environment, database=server.called, at=now,
                seconds=seconds, size=path.stat().st_size, sha256=digest_of(path), server=found.server,
                encoding=found.encoding, collate=found.collate, ctype=found.ctype, contents=found.contents,
                purpose=purpose, rollout=rollout,
            )  # fmt: skip
            kept = self.folder.keep(backup, path)
        self.folder.prune(self.keep, now)
        return kept

    def verify(self, backup: Backup, now: float) -> Backup:
        """Restore it into a scratch database and compare; what came of it is kept with the backup. Raises AdapterError
        where it could not be tried."""
        path = self.folder.dump_of(backup)
        modified = self.folder.check_size(backup)
        try:
            restored, seconds = load_elsewhere(self.server(self.scratch), backup, path)
            problem = "; ".join(differences(backup.contents, restored)[:5])
        except AdapterError as error:
            self.folder.note_tried(backup, Tried(at=now, seconds=0.0, modified=modified, problem=str(error)))
            raise
        return self.folder.note_tried(
            backup, Tried(at=now, seconds=round(seconds, 3), modified=modified, problem=problem)
        )

    def restore(self, backup: Backup) -> float:
        """Put it in place of what the database holds; returns seconds. Raises NotRestored, DamagedBackup."""
        path = self.folder.dump_of(backup)
        try:
            return load_in_place(self.server(self.database), backup, path)
        except AdapterError as error:
            raise NotRestored(f"backup {backup.id} was not restored, and the database is unchanged: {error}") from None

    def of_rollout(self, rollout: str, purpose: Purpose) -> Backup | None:
        """The first that was made for it: later ones may hold what the new version made of the data."""
        found = [one for one in self.folder.every() if one.rollout == rollout and one.purpose is purpose]
        return found[-1] if found else None

    def newest_verified(self) -> Backup:
        """Raises UnknownBackup."""
        for one in self.folder.every():
            if one.verified:
                return one
        raise UnknownBackup("no backup has been restored elsewhere yet: run `pilotage backup verify`")

    def server(self, connection: Secret) -> Server:
        """Raises AdapterError."""
        return Server.of(connection.reveal(), self.programs, self.timeout)


def folder_of(root: Path, named: str, service: str, environment: str) -> BackupFolder:
    """root: the project's folder · named: `backup.folder`."""
    return BackupFolder(root / named, service, environment)
