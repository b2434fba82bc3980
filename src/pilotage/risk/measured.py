"""A change with its measures, and what is usual here: the rank of each measure among the repository's latest changes.

Two hundred lines are a large change in one repository and a usual one in another. A rank says which it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.model.change import Change, FileKind
from pilotage.risk.features import FEATURES
from pilotage.risk.people import NOTHING_KNOWN, Known

RANKED = ("lines_added", "lines_deleted", "decisions_added", "hunks", "files", "length", "changes", "experience")
"""The measures that have a rank."""
WINDOW = 200
"""Changes of source that a change is ranked among: the latest before it."""
_ASSUMED = 10
"""Equal changes that are assumed beside those seen, so that the second change of a repository is not an extreme."""
_COLUMNS = tuple(FEATURES.index(name) for name in RANKED)


@dataclass(frozen=True)
class Measured:
    """measures: in the order of FEATURES · ranks: 0 to 1, in the order of RANKED, a half where there is no past ·
    source: whether it changes a line of source · known: what the year before says about its author and files."""

    change: Change
    measures: tuple[float, ...]
    ranks: tuple[float, ...] = (0.5,) * len(RANKED)
    source: bool = True
    known: Known = NOTHING_KNOWN

    def of(self, name: str) -> float:
        return self.measures[FEATURES.index(name)]

    def rank(self, name: str) -> float:
        """Raises ValueError for a measure that has none."""
        return self.ranks[RANKED.index(name)]


class Ranks:
    """The latest changes of source, each measure in order."""

    def __init__(self) -> None:
        self._latest: deque[tuple[float, ...]] = deque()
        self._ordered: tuple[list[float], ...] = tuple([] for _ in RANKED)

    def of(self, measures: Sequence[float]) -> tuple[float, ...]:
        """Rank of each measure of RANKED: the share of the latest changes below it, of equal ones a half."""
        seen = len(self._latest) + _ASSUMED
        return tuple(
            (bisect_left(values, measures[n]) + bisect_right(values, measures[n]) + _ASSUMED) / (2 * seen)
            for n, values in zip(_COLUMNS, self._ordered, strict=True)
        )

    def add(self, measures: Sequence[float]) -> None:
        """A change of source has landed."""
        new = tuple(measures[n] for n in _COLUMNS)
        self._latest.append(new)
        for values, value in zip(self._ordered, new, strict=True):
            insort(values, value)
        if len(self._latest) > WINDOW:
            for values, value in zip(self._ordered, self._latest.popleft(), strict=True):
                del values[bisect_left(values, value)]


def touches_source(change: Change) -> bool:
    """Whether a line of source is added or deleted: a file that only moved is as it was."""
    return any((f.worth or f.lost) and f.kind is FileKind.SOURCE for f in change.files)
