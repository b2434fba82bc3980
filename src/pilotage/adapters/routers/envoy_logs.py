"""The logs that Envoy writes beside its files: private from the start, and of limited size."""

from __future__ import annotations

import contextlib
import logging
import os
import uuid
from pathlib import Path

from pilotage.adapters.envoy_admin import FAILURES, ROTATED, SAMPLE, admin_url
from pilotage.adapters.http import post

_log = logging.getLogger(__name__)
_LARGEST = {FAILURES: 32 << 20, SAMPLE: 1 << 20}
"""Bytes at which a log gives way to the next one."""


class Logs:
    """directory: Envoy's own folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reopened = False

    def make(self) -> None:
        """See that they are there before Envoy makes them for everybody to read."""
        for log in _LARGEST:
            _make_private(self._directory / log)

    def rotate(self) -> None:
        """Start a new log if the current one is large; readers find the previous one next to it. Each controller tells
        Envoy once, because the previous controller may have died between the two steps."""
        sizes = {log: _size(self._directory / log) for log in _LARGEST}
        fine = all(size is not None and size <= _LARGEST[log] for log, size in sizes.items())
        if self._reopened and fine:
            return
        for log, size in sizes.items():
            path = self._directory / log
            if size is not None and size > _LARGEST[log]:
                with contextlib.suppress(OSError):
                    path.replace(path.with_name(log + ROTATED))
            _make_private(path)
        post(f"{admin_url(self._directory)}/reopen_logs")
        self._reopened = True

    def remove(self) -> None:
        for log in _LARGEST:
            for name in (log, log + ROTATED):
                (self._directory / name).unlink(missing_ok=True)


def _make_private(path: Path) -> None:
    """See that the file is there, and that only this user reads it. What cannot be written makes way; a log is never a
    reason not to route."""
    for last in (False, True):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            return
        except OSError as error:
            _log.warning("cannot write %s: %s", path, error.strerror)
            if not last:
                with contextlib.suppress(OSError):
                    path.rename(path.with_name(f"{path.name}.{uuid.uuid4().hex}"))


def _size(path: Path) -> int | None:
    """Bytes; None where there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
