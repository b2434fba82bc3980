"""The backups of a rollout's steps, run by the process of its checks: make and try one, make the final one, restore."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pilotage.adapters.backups.making import Backups, folder_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.model.backup import Backup, Purpose
from pilotage.model.wording import counted

DATABASE, SCRATCH = "database", "scratch"
"""The connection strings, among what a check gets of the environment."""


class Act(StrEnum):
    """What a step does."""

    CHECK = "check"
    FINAL = "final"
    RESTORE = "restore"


@dataclass(frozen=True, kw_only=True)
class BackupTask:
    """root: of the project · the rest as `backup:` has it."""

    act: Act
    root: str
    folder: str
    service: str
    environment: str
    rollout: str
    keep: int
    timeout: float
    programs: str | None = None

    def backups(self, secrets: Mapping[str, str]) -> Backups:
        return Backups(
            folder=folder_of(Path(self.root), self.folder, self.service, self.environment), service=self.service,
            environment=self.environment, database=Secret(secrets[DATABASE]), scratch=Secret(secrets[SCRATCH]),
            keep=self.keep, timeout=self.timeout, programs=self.programs,
        )  # fmt: skip


def perform(task: BackupTask, secrets: Mapping[str, str]) -> str:
    """What was done, in a sentence. Raises AdapterError."""
    backups = task.backups(secrets)
    match task.act:
        case Act.CHECK:
            return _check(backups, task.rollout)
        case Act.FINAL:
            return made_in_words(backups.make(time.time(), Purpose.CLOSED, task.rollout))
        case Act.RESTORE:
            return _restore(backups, task.rollout)


def _check(backups: Backups, rollout: str) -> str:
    now = time.time()
    tried = backups.verify(backups.make(now, Purpose.CHECK, rollout), now)
    if not tried.verified:
        raise AdapterError(f"backup {tried.id} does not restore: {tried.tried.problem if tried.tried else ''}")
    return f"{made_in_words(tried)}; {tried_in_words(tried)}"


def _restore(backups: Backups, rollout: str) -> str:
    """The final backup: without one the new version never started. What it made of the data is kept if possible."""
    final = backups.of_rollout(rollout, Purpose.CLOSED)
    if final is None:
        return "the new version never started, so the database is unchanged"
    kept = ""
    with suppress(AdapterError):
        replaced = backups.make(time.time(), Purpose.REPLACED, rollout)
        kept = f"; what was replaced is backup {replaced.id}"
    seconds = backups.restore(final)
    return f"restored backup {final.id} with {_held(final)} in {seconds:.1f} s{kept}"


def made_in_words(backup: Backup) -> str:
    """Such as `backup 2026… holds 5 rows in 2 tables, made in 0.3 s`."""
    return f"backup {backup.id} holds {_held(backup)}, made in {backup.seconds:.1f} s"


def tried_in_words(backup: Backup) -> str:
    """What came of its last try."""
    if backup.tried is None:
        return "never restored"
    if backup.tried.problem:
        return f"does not restore: {backup.tried.problem}"
    return f"restored elsewhere and compared in {backup.tried.seconds:.1f} s"


def _held(backup: Backup) -> str:
    tables = len(backup.contents.tables)
    return f"{backup.contents.rows:,} rows in {counted(tables, 'table')}"
