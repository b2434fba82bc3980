"""Backups on disk: a folder each, with the dump and its description.

A backup counts once its folder has its own name. Until then it is built under a name that begins with a dot, locked by
its maker: whoever is killed leaves a folder that counts for nobody, and the next backup removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from pilotage.adapters.files import private_folder, read_leniently, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.model.backup import Backup, Tried
from pilotage.model.errors import Invalid
from pilotage.model.json import WrongJson, read_as

_DUMP, _DESCRIPTION, _TRIED, _LOCK = "dump", "backup.json", "tried.json", "lock"
_MAKING, _GONE = ".making-", ".gone-"
_OF_A_ROLLOUT = 30 * 86400.0
"""Seconds for which a rollout's backups are kept, however many newer ones there are."""


class UnknownBackup(Invalid):
    """No backup has this id, or there is none yet. List them with `pilotage backup list`."""


class DamagedBackup(AdapterError):
    """A backup's dump is missing, truncated or changed since it was made. Use another backup."""


class BackupFolder:
    """All backups of one service in one environment."""

    def __init__(self, folder: Path, service: str, environment: str) -> None:
        self._root, self._place = folder, folder / service / environment

    @contextmanager
    def making(self, now: float) -> Iterator[tuple[str, Path]]:
        """A new backup's id, and where its dump goes; removed unless `keep` takes it."""
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        identity = f"{stamp}-{secrets.token_hex(3)}"
        beside = self._place / f"{_MAKING}{identity}"
        with self._begun(beside):
            try:
                yield identity, beside / _DUMP
            finally:
                shutil.rmtree(beside, ignore_errors=True)

    def keep(self, backup: Backup, dump: Path) -> Backup:
        """From here on it counts, also after a crash of the machine."""
        write_json(dump.with_name(_DESCRIPTION), asdict(backup))
        dump.parent.rename(self._place / backup.id)
        descriptor = os.open(self._place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return backup

    def note_tried(self, backup: Backup, tried: Tried) -> Backup:
        write_json(self._place / backup.id / _TRIED, asdict(tried))
        return replace(backup, tried=tried)

    def dump_of(self, backup: Backup) -> Path:
        """The dump, whole. Raises DamagedBackup."""
        path = self._place / backup.id / _DUMP
        self.check_size(backup)
        if digest_of(path) != backup.sha256:
            raise DamagedBackup(f"backup {backup.id}: {path} has changed since it was made: its SHA-256 differs")
        return path

    def check_size(self, backup: Backup) -> int:
        """When the dump was changed last, in nanoseconds. Raises DamagedBackup where bytes are missing."""
        path = self._place / backup.id / _DUMP
        try:
            found = path.stat()
        except OSError as error:
            raise DamagedBackup(f"backup {backup.id}: {path} cannot be read: {error.strerror}") from None
        if found.st_size != backup.size:
            raise DamagedBackup(f"backup {backup.id}: {path} has {found.st_size} bytes instead of {backup.size}")
        return found.st_mtime_ns

    def every(self) -> tuple[Backup, ...]:
        """Newest first; a folder without a description that can be read is none."""
        names = sorted((one.name for one in _folders(self._place) if not one.name.startswith(".")), reverse=True)
        found = [self._read(name) for name in names]
        return tuple(sorted((one for one in found if one), key=lambda one: (one.at, one.id), reverse=True))

    def get(self, identity: str | None) -> Backup:
        """The one of this id, or the newest. Raises UnknownBackup."""
        every = self.every()
        if identity is None and every:
            return every[0]
        for one in every:
            if one.id == identity:
                return one
        known = f"; there are {', '.join(one.id for one in every[:3])}" if every else ": run `pilotage backup make`"
        raise UnknownBackup(
            f"no backup is called {identity!r}{known}" if identity else f"there is no backup yet{known}"
        )

    def prune(self, keep: int, now: float) -> tuple[str, ...]:
        """Remove what is older than the `keep` newest, but the newest one that was verified and those of rollouts of
        late. Returns their ids."""
        every = self.every()
        proven = next((one.id for one in every if one.verified), None)
        gone = [
            one.id for one in every[keep:]
            if one.id != proven and not (one.rollout and now - one.at < _OF_A_ROLLOUT)
        ]  # fmt: skip
        for identity in gone:
            self._remove(self._place / identity)
        return tuple(gone)

    def _read(self, name: str) -> Backup | None:
        try:
            backup = read_as(Backup, read_leniently(self._place / name / _DESCRIPTION))
            tried = read_leniently(self._place / name / _TRIED)
            return replace(backup, tried=read_as(Tried, tried) if tried is not None else None)
        except WrongJson:
            return None

    @contextmanager
    def _begun(self, beside: Path) -> Iterator[None]:
        """A locked folder, closed to git; what makers left that were killed is gone."""
        private_folder(self._place)
        ignored = self._root / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n")
        with (self._place / _LOCK).open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            for left in _folders(self._place):
                if left.name.startswith(_GONE) or (left.name.startswith(_MAKING) and _abandoned(left)):
                    shutil.rmtree(left, ignore_errors=True)
            lock = (private_folder(beside) / _LOCK).open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
        with lock:
            yield

    def _remove(self, folder: Path) -> None:
        """Out of sight first: half of a backup is never one."""
        shutil.rmtree(folder.rename(folder.with_name(f"{_GONE}{folder.name}")), ignore_errors=True)


def _folders(place: Path) -> list[Path]:
    return [one for one in place.iterdir() if one.is_dir()] if place.is_dir() else []


def _abandoned(folder: Path) -> bool:
    """Whether its maker is gone. Asked while the door is locked, so no folder is about to get its lock."""
    try:
        with (folder / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
