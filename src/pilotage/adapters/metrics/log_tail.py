"""Reads what was added to a log of another program, on this machine or on a host: each line once, also when the log was
rotated by renaming, or copied and emptied.

The cursor says which file was read and how far. It is stored with the results, so nothing counts twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pilotage.adapters.hosts.host import Host
from pilotage.model.json import JsonObject, whole_at

_MOST = 900_000
"""Bytes that one look reads: a flood must not hold up the next decision, and a host's answer is at most a megabyte."""


class NoLog(Exception):
    """The log cannot be read; the sentence says why."""


@dataclass(frozen=True)
class _Found:
    inode: int
    size: int


class _Files(Protocol):
    """Files of one machine. No method raises anything but NoLog and AdapterError."""

    def find(self, path: str) -> _Found | None: ...

    def with_inode(self, path: str, inode: int) -> str | None:
        """The file next to `path` that has this inode."""

    def read(self, path: str, offset: int, most: int) -> bytes: ...


class LogTail:
    """path: of the log, on `host` (None: this machine)."""

    def __init__(self, path: str, host: Host | None = None) -> None:
        self._path = path
        self._files: _Files = _Remote(host) if host is not None and host.name else _Local()

    def end(self) -> dict[str, int]:
        """A cursor behind everything that is there now. Raises NoLog, AdapterError."""
        found = self._there()
        return {"inode": found.inode, "offset": found.size}

    def since(self, cursor: JsonObject) -> tuple[list[bytes], Mapping[str, int]]:
        """Whole lines after `cursor`, and the next cursor. Raises NoLog, AdapterError."""
        inode, offset = whole_at(cursor, "inode"), whole_at(cursor, "offset")
        found = self._there()
        rows: list[bytes] = []
        if found.inode != inode:
            if (rotated := self._files.with_inode(self._path, inode)) is not None:
                rows, end, more = self._read(rotated, offset, _MOST)
                # The program may write to the old file until something is in the new one.
                if more or not found.size:
                    return rows, {"inode": inode, "offset": end}
            offset = 0
        elif found.size < offset:
            offset = 0  # It was copied and emptied.
        added, end, _ = self._read(self._path, offset, _MOST)
        return [*rows, *added], {"inode": found.inode, "offset": end}

    def _there(self) -> _Found:
        found = self._files.find(self._path)
        if found is None:
            raise NoLog(f"there is no file {self._path}")
        return found

    def _read(self, path: str, offset: int, most: int) -> tuple[list[bytes], int, bool]:
        """Lines, the offset after the last one, and whether more follow. A line that is still being written waits."""
        chunk = self._files.read(path, offset, most)
        whole = chunk.rfind(b"\n") + 1
        full = len(chunk) == most
        if not whole and full:
            whole = len(chunk)  # No line of a log has this length, so skip it.
        return chunk[:whole].split(b"\n")[:-1], offset + whole, full


class _Local:
    def find(self, path: str) -> _Found | None:
        try:
            found = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NoLog(f"{path} cannot be read: {error.strerror}") from None
        return _Found(found.st_ino, found.st_size)

    def with_inode(self, path: str, inode: int) -> str | None:
        try:
            with os.scandir(Path(path).parent) as beside:
                return next((one.path for one in beside if one.inode() == inode), None)
        except OSError:
            return None

    def read(self, path: str, offset: int, most: int) -> bytes:
        try:
            with Path(path).open("rb") as file:
                file.seek(offset)
                return file.read(most)
        except OSError as error:
            raise NoLog(f"{path} cannot be read: {error.strerror}") from None


class _Remote:
    """By `stat`, `find` and `dd` of GNU."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def find(self, path: str) -> _Found | None:
        done = self._host.run(["stat", "-L", "-c", "%i %s", "--", path])
        numbers = done.out.split()
        if done.status or len(numbers) != 2:
            if b"No such file" in done.err:
                return None
            raise NoLog(f"{path} on {self._host.name} cannot be read: {done.said}")
        return _Found(int(numbers[0]), int(numbers[1]))

    def with_inode(self, path: str, inode: int) -> str | None:
        folder = str(Path(path).parent)
        done = self._host.run(["find", folder, "-maxdepth", "1", "-inum", str(inode), "-print"])
        names = done.out.decode(errors="surrogateescape").splitlines()
        return names[0] if names else None

    def read(self, path: str, offset: int, most: int) -> bytes:
        flags = "iflag=skip_bytes,count_bytes,fullblock"
        done = self._host.run(["dd", f"if={path}", "bs=64k", f"skip={offset}", f"count={most}", flags, "status=none"])
        if done.status:
            raise NoLog(f"{path} on {self._host.name} cannot be read: {done.said}")
        return done.out
