"""Notices that the opened store is gone: its file was deleted, replaced, moved or emptied; or, if the store is a
server, the state folder was.

A process could continue to read and write a file that no longer has a name, and so work on a store that nobody else
sees.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

_Identity = tuple[int, int]


class StoreFile:
    """directory: the state's folder."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        name = engine.url.database if engine.dialect.name == "sqlite" else None
        self._file = Path(name) if name and name != ":memory:" else None
        self._log = Path(f"{name}-wal") if self._file else None
        self._was, self._log_was = _identity(self._file), _identity(self._log)
        self._folder, self._folder_was = directory, _identity(directory)

    def gone(self) -> str:
        """What became of it, in a sentence; empty while it is what was opened."""
        if self._file is None:
            # With a server for a store, the fence, the journal and the targets are in the folder all the same.
            return "" if _identity(self._folder) == self._folder_was else f"{self._folder} was deleted or moved"
        if self._was is None:
            return ""
        now, log = _identity(self._file), _identity(self._log)
        if now is None:
            return f"{self._file} was deleted or moved"
        if now != self._was:
            return f"{self._file} was replaced by another file"
        if _is_empty(self._file):
            return f"{self._file} was emptied"
        # It comes with the first connection, and stays as long as there is one.
        self._log_was = self._log_was or log
        if self._log_was is not None and log != self._log_was:
            return f"{self._log} was deleted or replaced"
        return ""


def _identity(file: Path | None) -> _Identity | None:
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _is_empty(file: Path) -> bool:
    try:
        return file.stat().st_size == 0
    except OSError:
        return False
