"""What a fleet over hosts remembers on this machine: every instance from before its start until it is seen to be gone,
so that those on a host that cannot be reached are known, and no number is given twice.

The hosts themselves say what runs on them. Where the book is lost, it is written again from what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pilotage.adapters.files import read_json, write_json
from pilotage.model.json import read_as

_VERSIONS = 50
"""Versions of which the book remembers how many were wanted."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One instance. host: its name in the configuration · seen: whether the host has listed it, so that it is gone
    when the host lists it no more."""

    host: str
    name: str
    version: str
    number: int
    port: int
    seen: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.host, self.name

    @property
    def id(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name


@dataclass(frozen=True, kw_only=True)
class Book:
    """highest: the last number that was given · wanted: instances of each version, as `ensure` was told last · lost:
    hosts whose load the others took over, and that nobody heard since."""

    entries: tuple[Entry, ...] = ()
    highest: int = 0
    wanted: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    def wanting(self, version: str, count: int) -> Book:
        wanted = {**{one: number for one, number in self.wanted.items() if one != version}, version: count}
        last = dict(list(wanted.items())[-_VERSIONS:])
        return replace(self, wanted=last)

    def holding(self, entries: Iterable[Entry]) -> Book:
        """With these entries instead."""
        known = tuple(sorted(entries, key=lambda one: (one.number, one.host)))
        highest = max([self.highest, *(one.number for one in (*self.entries, *known))])
        return replace(self, entries=known, highest=highest)


def read(path: Path) -> Book:
    """An empty book where there is none, or none that can be read."""
    found = read_json(path)
    try:
        return Book() if found is None else read_as(Book, found)
    except ValueError:
        return Book()


def write(path: Path, book: Book) -> None:
    """Raises OSError."""
    if book != read(path):
        write_json(path, asdict(book))
