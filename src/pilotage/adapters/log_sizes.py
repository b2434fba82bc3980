"""Limits the size of logs that programs keep open: the content is copied to a second file, and the log is emptied.

A program keeps its log open as standard output for as long as it runs, longer than any worker. So a rename does not
work (it would continue to write to the renamed file), and neither does a pipe (it would end with its reader). All of
these logs are opened for appending, so the next line goes to the start of the emptied file.
"""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.files import created, read_leniently, write_json
from pilotage.model.json import read_as

_log = logging.getLogger(__name__)
LARGEST = 16 << 20
"""Bytes that a log may have; with the one before it a program's logs are twice that."""
BEFORE = ".1"
"""What the name of the log before ends with."""
_MOST = 100
_ROTATION = "rotation.json"


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """How the logs of one fleet are limited: in which folder they are, bytes of one, and how many older ones stay."""

    folder: str
    max_size: int = LARGEST
    keep: int = 1

    def save(self, logs: Path) -> None:
        """Tell the worker, which limits the logs. logs: the fleet's folder of logs in the state. Raises OSError."""
        path = logs / _ROTATION
        if rotation_of(logs) != self:
            write_json(path, {"folder": self.folder, "max_size": self.max_size, "keep": self.keep})


def rotation_of(logs: Path) -> Rotation | None:
    """What a fleet told; None where it told nothing that can be read."""
    try:
        found = read_as(Rotation, read_leniently(logs / _ROTATION))
    except ValueError:
        return None
    return Rotation(folder=found.folder, max_size=max(1, found.max_size), keep=min(max(0, found.keep), _MOST))


def limit_logs(directory: Path, largest: int = LARGEST) -> None:
    """Begin every log again that has grown larger: the worker's, those of instances, and what routers say of
    themselves. directory: the state's folder. Never raises OSError."""
    for pattern in ("worker.log", "run/*/router*/envoy.log", "run/*/router*/traefik.log"):
        for path in sorted(directory.glob(pattern)):
            _limit(path, largest, 1)
    for logs in sorted(directory.glob("run/*/fleet/logs")):
        rotation = rotation_of(logs) or Rotation(folder=str(logs), max_size=largest)
        for path in sorted(one for folder in {logs, Path(rotation.folder)} for one in folder.glob("*.log")):
            _limit(path, rotation.max_size, rotation.keep)


def _limit(path: Path, largest: int, keep: int) -> None:
    try:
        if path.lstat().st_size > largest:
            _begin_anew(path, largest, keep)
    except OSError as error:
        _log.warning("%s is large and cannot be rotated: %s", path, error.strerror)


def _begin_anew(path: Path, largest: int, keep: int) -> None:
    """What is written between the end of the copy and the emptying, some microseconds, is lost."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as log:
        try:
            if keep:
                for number in range(keep - 1, 0, -1):
                    with contextlib.suppress(FileNotFoundError):
                        path.with_name(f"{path.name}.{number}").replace(path.with_name(f"{path.name}.{number + 1}"))
                _copy_end(log.fileno(), path, largest)
        except OSError as error:
            # On a full disk, space is worth more than the log that filled it.
            _log.warning("%s was emptied without keeping a copy: %s", path, error.strerror)
        log.truncate(0)


def _copy_end(log: int, path: Path, largest: int) -> None:
    """Keep the last `largest` bytes, and what is written meanwhile, up to the same amount."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(created(beside), "wb") as copy, os.fdopen(os.dup(log), "rb") as source:
            source.seek(max(0, os.fstat(log).st_size - largest))
            left = 2 * largest
            while left > 0 and (chunk := source.read(min(left, 1 << 20))):
                copy.write(chunk)
                left -= len(chunk)
        beside.replace(path.with_name(path.name + BEFORE))
    finally:
        beside.unlink(missing_ok=True)
