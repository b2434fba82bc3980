"""Merges that bring repairs though their own words do not say so, such as `Merge branch 'hot'` (R17, R24)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pilotage.model.change import FileKind
from pilotage.model.commit import Commit
from pilotage.model.file_kind import kind_of, repairs


def merges_of_repairs(commits: Iterable[Commit], tip: str) -> frozenset[str]:
    """Merges on the line of first parents, of which at least half of the commits to source are repairs. commits: of a
    range that ends at `tip`, in any order."""
    known = {one.id: one for one in commits}
    line = list(_line(known, tip))
    seen, found = set(line), set[str]()
    for merge in reversed(line):
        mine = [one for one in _brought(known, merge, seen) if len(one.parents) < 2 and _is_source(one)]
        if mine and 2 * sum(repairs(one.message) for one in mine) >= len(mine):
            found.add(merge)
    return frozenset(found)


def _line(known: Mapping[str, Commit], tip: str) -> Iterator[str]:
    while tip in known:
        yield tip
        tip = next(iter(known[tip].parents), "")


def _brought(known: Mapping[str, Commit], merge: str, seen: set[str]) -> Iterator[Commit]:
    """seen: takes them in, so that none is brought twice."""
    left = list(known[merge].parents[1:])
    while left:
        one = left.pop()
        if one in known and one not in seen:
            seen.add(one)
            left += known[one].parents
            yield known[one]


def _is_source(one: Commit) -> bool:
    return any(kind_of(path) is FileKind.SOURCE for path in one.files)
