"""Limits the size of logs that programs keep open: the content is copied to a second file, and the log is emptied.

A program keeps its log open as standard output for as long as it runs, longer than any worker. So a rename does not
work (it would continue to write to the renamed file), and neither does a pipe (it would end with its reader). All of
these logs are opened for appending, so the next line goes to the start of the emptied file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from pilotage.adapters.files import created

_log = logging.getLogger(__name__)
LARGEST = 16 << 20
"""Bytes that a log may have; with the one before it a program's logs are twice that."""
BEFORE = ".1"
"""What the name of the log before ends with."""


def limit_logs(directory: Path, largest: int = LARGEST) -> None:
    """Begin every log again that has grown larger: the worker's, those of instances, and what Envoy says of itself.
    directory: the state's folder. Never raises OSError."""
    for path in _logs(directory):
        try:
            if path.lstat().st_size > largest:
                _begin_anew(path, largest)
        except OSError as error:
            _log.warning("%s is large and cannot be rotated: %s", path, error.strerror)


def _logs(directory: Path) -> Iterator[Path]:
    for pattern in ("worker.log", "run/*/fleet/logs/*.log", "run/*/router*/envoy.log"):
        yield from sorted(directory.glob(pattern))


def _begin_anew(path: Path, largest: int) -> None:
    """What is written between the end of the copy and the emptying, some microseconds, is lost."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b") as log:
        try:
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
