"""A log that a program appends to and somebody rotates: where it lies, in parts, on this machine or another one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError

_PART = 900_000
"""Bytes that a host gives back at a time; it cuts a command's output off at a megabyte."""
_ROTATED = re.compile(r"[.-]\d[\d-]*")
"""Endings such as `.1`, and `-20261126` of logrotate's dateext. Packed ones have one more."""


@dataclass(frozen=True)
class File:
    """changed: Unix seconds of its last change."""

    path: str
    inode: int
    size: int
    changed: float


class LogFiles(Protocol):
    """Methods raise AdapterError."""

    def listed(self) -> Sequence[File]:
        """The log and what rotation left of it, the oldest first, the log itself last; packed ones are left out."""

    def part(self, path: str, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`; fewer where the file ends."""


class LocalLogFiles:
    """log: absolute path."""

    def __init__(self, log: str) -> None:
        self._log = Path(log)

    def listed(self) -> Sequence[File]:
        found = []
        try:
            for entry in os.scandir(self._log.parent):
                if entry.name.startswith(self._log.name) and entry.is_file():
                    seen = entry.stat()
                    found.append(File(entry.path, seen.st_ino, seen.st_size, seen.st_mtime))
        except OSError as error:
            raise AdapterError(f"{self._log} cannot be read: {error.strerror}") from error
        return in_order(found, str(self._log))

    def part(self, path: str, start: int, count: int) -> bytes:
        try:
            with Path(path).open("rb") as file:
                file.seek(start)
                return file.read(count)
        except FileNotFoundError:
            return b""  # rotated away between two looks at it
        except OSError as error:
            raise AdapterError(f"{path} cannot be read: {error.strerror}: let Pilotage's user read it") from error


class HostLogFiles:
    """A log on another machine. Needs GNU find and dd there."""

    def __init__(self, host: Host, log: str) -> None:
        self._host, self._log = host, PurePosixPath(log)

    def listed(self) -> Sequence[File]:
        command = ["find", str(self._log.parent), "-maxdepth", "1", "-type", "f", "-name", f"{self._log.name}*"]
        out = self._run([*command, "-printf", "%i %s %T@ %p\\n"])
        rows = [row.split(" ", 3) for row in out.decode(errors="replace").splitlines()]
        found = [File(row[3], int(row[0]), int(row[1]), float(row[2])) for row in rows if len(row) == 4]
        return in_order(found, str(self._log))

    def part(self, path: str, start: int, count: int) -> bytes:
        got = bytearray()
        while len(got) < count:
            wanted = min(_PART, count - len(got))
            where = [f"skip={start + len(got)}", f"count={wanted}", "iflag=skip_bytes,count_bytes", "bs=64K"]
            more = self._run(["dd", f"if={path}", *where, "status=none"])
            got += more
            if len(more) < wanted:
                break
        return bytes(got)

    def _run(self, command: Sequence[str]) -> bytes:
        done = self._host.run(command)
        if done.status:
            raise AdapterError(f"{self._log} cannot be read on {self._host.name}: {done.said}")
        return done.out


def in_order(found: Sequence[File], log: str) -> Sequence[File]:
    """The oldest first, the log itself last. What has another ending than rotation gives is somebody's copy."""
    parts = [one for one in found if one.path == log or _ROTATED.fullmatch(one.path.removeprefix(log))]
    return sorted(parts, key=lambda one: (one.path == log, one.changed, one.path))
