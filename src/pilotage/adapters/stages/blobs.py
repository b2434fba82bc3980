"""Files by the digest of their content, below one folder: whole or absent, read-only, never overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pilotage.adapters.files import created, private_folder
from pilotage.adapters.ports import AdapterError

_CHUNK = 1 << 20
_ABANDONED = 86_400.0
"""Seconds after which what was never finished is nobody's."""
_READ, _RUN = 0o444, 0o555
_known: dict[tuple[str, int, int, int, int], str] = {}
"""Digests of files that this process has read, by path, inode, size and times: none of them can change unseen."""


class Blobs:
    """folder: of all of them; `sha256/ab/abcdef…` below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "sha256"

    def path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def add(self, source: IO[bytes], *, runs: bool = False) -> tuple[str, int]:
        """Copy a file from where it stands; its digest and size. runs: whether it is a program. Never holds more than a
        megabyte of it. Raises AdapterError where the disk does not take it."""
        private_folder(self._folder)
        beside = self._folder / f".incoming.{os.urandom(8).hex()}"
        try:
            hashed, size = hashlib.sha256(), 0
            with os.fdopen(created(beside), "wb") as file:
                while chunk := source.read(_CHUNK):
                    hashed.update(chunk)
                    file.write(chunk)
                    size += len(chunk)
                file.flush()
                os.fchmod(file.fileno(), _RUN if runs else _READ)
                os.fsync(file.fileno())
            digest = hashed.hexdigest()
            self._placed(beside, digest, runs=runs)
            return digest, size
        except OSError as error:
            raise AdapterError(f"the store of artifacts does not take a file: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    def _placed(self, beside: Path, digest: str, *, runs: bool) -> None:
        place = self.path(digest)
        private_folder(place.parent)
        try:
            os.link(beside, place)
        except FileExistsError:
            if _digest_of(place) != digest:
                beside.replace(place)  # what lay there was damaged, and nobody may be given it
            elif runs:
                place.chmod(_RUN)
        _synced(place.parent)

    def verified(self, digest: str, name: str) -> Path:
        """Where the file is, after its content was compared. name: for the sentence. Raises AdapterError."""
        place = self.path(digest)
        try:
            found = _digest_of(place)
        except FileNotFoundError:
            raise AdapterError(f"the artifact {name} ({digest[:12]}…) is not in the store: build the version") from None
        except OSError as error:
            raise AdapterError(f"the artifact {name} ({digest[:12]}…) cannot be read: {error.strerror}") from None
        if found != digest:
            raise AdapterError(
                f"the artifact {name} is damaged: {place} has the digest {found[:12]}… instead of {digest[:12]}…"
            )
        return place

    def older(self, than: float) -> Iterator[tuple[str, int]]:
        """Digests and sizes of files that were put here before this moment, Unix seconds; what was never finished is
        removed."""
        for place in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                if (found := place.stat()).st_mtime < than:
                    yield place.name, found.st_size
        for half in self._folder.glob(".incoming.*"):
            with contextlib.suppress(OSError):
                if half.stat().st_mtime < time.time() - _ABANDONED:
                    half.unlink()

    def remove(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)


def _digest_of(place: Path) -> str:
    """Of a regular file that is no link. Read again only where it may have changed. Raises OSError."""
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return "none: it is no file"
        key = (str(place), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if key not in _known:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            _known[key] = digest
        return _known[key]


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
