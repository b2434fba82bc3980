"""The log of an attempt: its beginning and its end, however much is said, and none of its secrets."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from pilotage.adapters.files import open_log

MOST = 50 << 20
"""Bytes of a log."""
_LEAST = 4
"""Characters of a secret that is concealed, as `secrets.concealed` has it."""
_LONG_LINE = 16
_HIDDEN = b"(secret)"
_END = 4096


class StageLog:
    """Half of the room is for the beginning. What follows goes round in two files beside it, which are put behind the
    beginning in the end; so a log is readable whenever its writer is killed."""

    def __init__(self, path: Path, secrets: Iterable[str] = (), *, most: int = MOST) -> None:
        self._path, self._half, self._quarter = path, most // 2, most // 4
        self._hidden = tuple(sorted(set(_parts(secrets)), key=len, reverse=True))
        self._held = self._end = b""
        self._longest = max((len(one) for one in self._hidden), default=1)
        self._head = open_log(path)
        self._written, self._dropped = 0, 0
        self._tail: IO[bytes] | None = None
        self._in_tail = 0

    def __enter__(self) -> StageLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, chunk: bytes) -> None:
        """A disk that takes no more ends no command: what it does not take is lost."""
        self._held = self.concealed(self._held + chunk)
        # The end may be the first half of a secret.
        keep = self._longest - 1
        ready, self._held = (self._held[:-keep], self._held[-keep:]) if keep else (self._held, b"")
        self._put(ready)

    def concealed(self, text: bytes) -> bytes:
        for one in self._hidden:
            text = text.replace(one, _HIDDEN)
        return text

    def flush(self) -> None:
        """What comes next belongs to another command: no secret goes on there."""
        self._put(self._held)
        self._held = b""

    def last_lines(self, count: int) -> tuple[str, ...]:
        """The end of what was written since the last call, without secrets."""
        found = self._end.decode(errors="replace").strip().splitlines()
        self._end = b""
        return tuple(found[-count:])

    def close(self) -> None:
        self.flush()
        with contextlib.suppress(OSError):
            self._joined()
        with contextlib.suppress(OSError):
            self._head.close()

    def _put(self, ready: bytes) -> None:
        self._end = (self._end + ready)[-_END:]
        first = ready[: max(0, self._half - self._written)]
        self._written += len(first)
        with contextlib.suppress(OSError):
            if first:
                self._head.write(first)
                self._head.flush()
            if rest := ready[len(first) :]:
                self._round(rest)

    def _round(self, rest: bytes) -> None:
        if self._tail is None or self._in_tail + len(rest) > self._quarter:
            if self._tail is not None:
                self._tail.close()
                before = self._beside(1)
                self._dropped += before.stat().st_size if before.exists() else 0
                self._beside(0).replace(before)
            self._beside(0).unlink(missing_ok=True)
            self._tail, self._in_tail = open_log(self._beside(0)), 0
        self._tail.write(rest)
        self._tail.flush()
        self._in_tail += len(rest)

    def _joined(self) -> None:
        if self._tail is None:
            return
        self._tail.close()
        if self._dropped:
            self._head.write(f"\n… {self._dropped} bytes are left out here …\n".encode())
        for number in (1, 0):
            place = self._beside(number)
            if place.exists():
                with place.open("rb") as file:
                    shutil.copyfileobj(file, self._head)
        self._head.flush()
        for number in (0, 1):
            self._beside(number).unlink(missing_ok=True)

    def _beside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.end{number}")


def _parts(secrets: Iterable[str]) -> Iterable[bytes]:
    """The secrets, and the long lines of those that have several, such as a private key."""
    for secret in secrets:
        lines = secret.splitlines()
        for part in (secret, *(line for line in lines if len(lines) > 1 and len(line) >= _LONG_LINE)):
            if len(part) >= _LEAST:
                yield part.encode(errors="surrogateescape")
