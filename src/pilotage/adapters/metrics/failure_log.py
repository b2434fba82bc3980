"""Reads the embedded router's log of failed requests: each line exactly once, even if the file was rotated.

Envoy writes a JSON line for each failed request, and the router starts a new file when one is large. The cursor says
how far each file was read. It is stored with the results, so nothing counts twice.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from pilotage.adapters.envoy_admin import FAILURES, ROTATED, stratum_of, version_of
from pilotage.adapters.strata import Strata
from pilotage.model.grpc import STATUSES
from pilotage.model.observation import Failure

_MOST = 4 << 20
"""Bytes that one look reads: a flood of errors must not hold up the next decision."""
_LONGEST_PATH = 200


class NoLog(Exception):
    """The log cannot be read; the sentence says why."""


@dataclass(frozen=True)
class _Place:
    """How far a file was read: its inode, and bytes from its beginning."""

    inode: int
    offset: int


class FailureLog:
    """directory: where the router keeps the log · strata: what fails, and by which names routes go."""

    def __init__(self, directory: Path, strata: Strata) -> None:
        self._path, self._strata = directory / FAILURES, strata
        self._before = self._path.with_name(FAILURES + ROTATED)

    def end(self) -> dict[str, int]:
        """A cursor behind everything that is there now. Raises NoLog."""
        found = self._stat(self._path)
        return {"inode": found.st_ino, "offset": found.st_size}

    def since(self, cursor: Mapping[str, int]) -> tuple[tuple[Failure, ...], dict[str, int]]:
        """Users' failures after `cursor`, the oldest first, and the next cursor. Raises NoLog."""
        place, left, found = _Place(cursor["inode"], cursor["offset"]), _MOST, []
        for path in self._files_from(place):
            inode = self._stat(path).st_ino
            read = _read(path, inode, place.offset if inode == place.inode else 0, left)
            found += [failure for failure in (self._failure(*line) for line in read.lines) if failure]
            left -= read.taken
            place = _Place(inode, read.end)
            if read.more:
                break
        return tuple(found), {"inode": place.inode, "offset": place.offset}

    def _files_from(self, place: _Place) -> Iterator[Path]:
        """The files yet to be read, in order. The next one starts only when something is in it: until then Envoy may
        still write to the one before."""
        current = self._stat(self._path)
        rotated = current.st_ino != place.inode and _inode(self._before) == place.inode
        if rotated:
            yield self._before
        if not rotated or current.st_size:
            yield self._path

    def _stat(self, path: Path) -> os.stat_result:
        try:
            found = path.stat()
            if not os.access(path, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return found
        except FileNotFoundError:
            raise NoLog(
                "the running router has no log of failed requests; run `pilotage down` and deploy to start one"
            ) from None
        except OSError as error:
            raise NoLog(f"{path} cannot be read: {error.strerror}") from None

    def _failure(self, line: bytes, place: str) -> Failure | None:
        """What a line says; None for a torn one, and for one that is not of users or no failure on its route."""
        try:
            said = json.loads(line)
            cluster, status, grpc = str(said["cluster"] or ""), int(said["status"]), said["grpc"]
            version, stratum = version_of(cluster), stratum_of(cluster)
            route = self._strata.named(stratum)
            failing = self._strata.failing_of(stratum)
            if version is None or route is None or not failing.has(status, grpc):
                return None
            shown = STATUSES[grpc] if grpc in failing.grpc else str(status)
            user = int(said["user"] or blake2b(place.encode(), digest_size=8).hexdigest(), 16)
            instance, path = str(said["instance"] or ""), str(said["path"] or "")[:_LONGEST_PATH]
            return Failure(version, user, route, shown, instance, str(said["method"] or ""), path, float(said["at"]))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError):
            return None


@dataclass(frozen=True)
class _Read:
    """lines: with their unique positions · end: the offset after the last one · taken: bytes read · more: whether more
    follows."""

    lines: list[tuple[bytes, str]]
    end: int
    taken: int
    more: bool


def _read(path: Path, inode: int, offset: int, most: int) -> _Read:
    """Whole lines after `offset`, of `most` bytes. A line that is still being written is left for the next look.
    Raises NoLog."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < offset:
                offset = 0  # It was cut off, and starts again.
            file.seek(offset)
            chunk = file.read(most)
    except OSError as error:
        raise NoLog(f"{path} cannot be read: {error.strerror}") from None
    whole = chunk.rfind(b"\n") + 1
    if not whole and len(chunk) == _MOST:
        whole = len(chunk)  # Envoy writes no line of this length, so skip it.
    lines, at = [], offset
    for line in chunk[:whole].split(b"\n")[:-1]:
        lines.append((line, f"{inode}:{at}"))
        at += len(line) + 1
    return _Read(lines, offset + whole, whole, len(chunk) == most)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
