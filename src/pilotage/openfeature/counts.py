"""Requests, errors and durations by variant, in the memory of a process or in a file that other processes add up.

A server with several worker processes answers a scrape from any one of them. With a directory, each process counts in a
file there, and every page shows the sum. A file outlives its process, so no sum ever falls.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import uuid
import weakref
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ON, OFF = "on", "off"
VARIANTS = (ON, OFF)
_CELL = struct.Struct("<q")
_MICRO = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Of one variant. buckets: requests by duration, not cumulative, the last one without a bound · seconds: their
    sum."""

    requests: int
    errors: int
    buckets: tuple[int, ...]
    seconds: float


class Counts:
    """bounds: upper bounds of durations in seconds, ascending · directory: where processes of one instance count
    together; it is made if it is missing."""

    def __init__(self, bounds: Sequence[float], directory: Path | None = None) -> None:
        self._bounds, self._directory = tuple(bounds), directory
        self._width = len(self._bounds) + 4
        # Another release may have other bounds: its files are of another kind.
        self._suffix = f".{hash(self._bounds) & 0xFFFFFFFF:08x}.counts"
        self._open()
        if directory is not None:
            _reopen_in_children(self)

    def add(self, variant: str, seconds: float, *, failed: bool) -> None:
        first = VARIANTS.index(variant) * self._width
        with self._lock:
            self._increase(first, 1)
            if failed:
                self._increase(first + 1, 1)
            self._increase(first + 2, round(seconds * _MICRO))
            self._increase(first + 3 + bisect_left(self._bounds, seconds), 1)

    def totals(self) -> dict[str, Totals]:
        """By variant, of all processes."""
        sums = [0] * (self._width * len(VARIANTS))
        for cells in self._pages():
            sums = [one + other for one, other in zip(sums, cells, strict=True)]
        parts = (sums[n * self._width : (n + 1) * self._width] for n in range(len(VARIANTS)))
        return {variant: _totals(cells) for variant, cells in zip(VARIANTS, parts, strict=True)}

    def reopen(self) -> None:
        """In a forked process, which may not write what its parent writes."""
        self._open()

    def _open(self) -> None:
        self._lock = threading.Lock()
        size = self._width * len(VARIANTS) * _CELL.size
        self._cells: bytearray | mmap.mmap = bytearray(size)
        self._own: Path | None = None
        if self._directory is None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        file = self._directory / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{self._suffix}"
        with file.open("xb+") as opened:
            # Written, so that a full disk is an error now and no signal later.
            opened.write(bytes(size))
            opened.flush()
            self._cells = mmap.mmap(opened.fileno(), size)
        self._own = file

    def _increase(self, cell: int, by: int) -> None:
        offset = cell * _CELL.size
        _CELL.pack_into(self._cells, offset, _CELL.unpack_from(self._cells, offset)[0] + by)

    def _pages(self) -> Iterator[list[int]]:
        with self._lock:
            yield _numbers(bytes(self._cells))
        for file in self._directory.glob(f"*{self._suffix}") if self._directory is not None else ():
            if file != self._own and len(content := file.read_bytes()) == len(self._cells):
                yield _numbers(content)


def _numbers(content: bytes) -> list[int]:
    return [number for (number,) in _CELL.iter_unpack(content)]


def _totals(cells: Sequence[int]) -> Totals:
    return Totals(requests=cells[0], errors=cells[1], seconds=cells[2] / _MICRO, buckets=tuple(cells[3:]))


def _reopen_in_children(counts: Counts) -> None:
    known = weakref.ref(counts)

    def reopen() -> None:
        if (found := known()) is not None:
            found.reopen()

    os.register_at_fork(after_in_child=reopen)
