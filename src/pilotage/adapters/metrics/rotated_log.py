"""Whole lines of a log since a cursor: each once, whether it was renamed, or copied and cut off.

The cursor says where reading ended: file, bytes, and a digest of the bytes before that place. Rotation moves files and
gives inodes to others, so the digest decides whether a file still holds what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pilotage.adapters.metrics.log_files import File, LogFiles
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import JsonObject, text_at, whole_at

_MOST = 8 << 20
"""Bytes of one look: what is behind is read by the next one."""
_MARKED = 64
"""Bytes before a place by which it is recognised: more than the time and random text of a line."""


@dataclass(frozen=True)
class Lines:
    """lines: with a text that names the place of each · cursor: the next one · lost: whether lines between two looks
    are gone · behind: bytes that are yet to be read · torn: lines that were too long to be read."""

    lines: tuple[tuple[bytes, str], ...]
    cursor: JsonObject
    lost: bool = False
    behind: int = 0
    torn: int = 0


class RotatedLog:
    """name: how errors call the log."""

    def __init__(self, files: LogFiles, name: str) -> None:
        self._files, self._name = files, name

    def end(self) -> JsonObject:
        """A cursor behind all that is there. Raises AdapterError."""
        *_, log = self._there()
        return self._cursor(log, log.size)

    def since(self, cursor: JsonObject) -> Lines:
        """What came after the cursor. Raises AdapterError."""
        files = self._there()
        holder, start = self._holder(files, cursor)
        lost = holder is None
        left = files[files.index(holder) :] if holder else files[-1:]
        lines: list[tuple[bytes, str]] = []
        room, torn, at = _MOST, 0, (left[0], start)
        for file in left:
            if file is not left[0]:
                start = 0
                if not file.size:
                    break  # until something is in it, the one before may still be written to
            content = self._files.part(file.path, start, room)
            whole = content.rfind(b"\n") + 1
            if not whole and len(content) == _MOST:
                whole, torn = len(content), torn + 1
            else:
                lines += _split(content[:whole], file.inode, start)
            room, at = room - len(content), (file, start + whole)
            if room <= 0:
                break
        behind = sum(one.size for one in left[left.index(at[0]) :]) - at[1] if room <= 0 else 0
        return Lines(tuple(lines), self._cursor(*at), lost, max(0, behind), torn)

    def _there(self) -> Sequence[File]:
        files = self._files.listed()
        if not files:
            raise AdapterError(f"there is no log {self._name}: set router.log to this path, and deploy")
        return files

    def _holder(self, files: Sequence[File], cursor: JsonObject) -> tuple[File | None, int]:
        """The file that holds the place of the cursor, and the place in it; None where none does."""
        inode, offset, mark = whole_at(cursor, "inode"), whole_at(cursor, "offset"), text_at(cursor, "mark")
        # The file of that inode first; a copy of it has another one.
        for file in sorted(files, key=lambda one: one.inode != inode):
            if file.size >= offset and (self._mark(file, offset) == mark if offset else file.inode == inode):
                return file, offset
        return None, 0

    def _cursor(self, file: File, offset: int) -> JsonObject:
        return {"inode": file.inode, "offset": offset, "mark": self._mark(file, offset)}

    def _mark(self, file: File, offset: int) -> str:
        start = max(0, offset - _MARKED)
        return blake2b(self._files.part(file.path, start, offset - start), digest_size=8).hexdigest()


def _split(content: bytes, inode: int, start: int) -> Iterator[tuple[bytes, str]]:
    at = start
    for line in content.split(b"\n")[:-1]:
        yield line, f"{inode}:{at}"
        at += len(line) + 1
