"""Which past changes did harm, and how soon: those that a later repair had to alter, and those that were reverted.

This is the SZZ algorithm (Śliwerski, Zimmermann, Zeller, MSR 2005) on lines that are neither blank nor comments (Kim et
al., ASE 2006), over first parents, so a merged branch is one change. The author of each line is tracked while reading
the changes: no line is blamed twice, and renames are followed. Repairs of more than ten source files or three hundred
deleted lines count as rewrites and blame nobody. A change without source does harm only when it is reverted.

A change is harmful at a horizon if its first repair came within it. A change that is younger than the horizon is not
ripe: nobody knows yet.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.model.change import Change, FileKind, FilePatch
from pilotage.model.file_kind import repairs
from pilotage.model.risk import Horizon
from pilotage.risk.features import History, features_of
from pilotage.risk.measured import Measured, touches_source

_REVERTED = re.compile(r"[Tt]his reverts (?:commit|merge request)?\s*([0-9a-f]{7,40})")
_MOST_FILES, _MOST_LINES = 10, 300
_DAY = 86400
_NEVER = math.inf
_NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A change and how it went. repaired, reverted: days until the first repair that had to alter it, and until it was
    taken back; infinite for never."""

    measured: Measured
    repaired: float = _NEVER
    reverted: float = _NEVER

    def harmful(self, horizon: Horizon) -> bool:
        return min(self.repaired, self.reverted) <= horizon


def ripe(labelled: Iterable[Labelled], horizon: Horizon, now: float) -> list[Labelled]:
    """Those whose horizon has passed, in their order. now: Unix seconds."""
    return [one for one in labelled if one.measured.change.landed <= now - horizon * _DAY]


class Lines:
    """Which change wrote each line of each source file, by number.

    lengths: lines of the files that were there before the first change; nobody known wrote them.
    """

    def __init__(self, lengths: Mapping[str, int]) -> None:
        self._files = {path: array("l", [_NOBODY]) * count for path, count in lengths.items()}

    def length(self, path: str) -> int:
        return len(self._files.get(path, ()))

    def rewrite(self, file: FilePatch, change: int) -> list[int]:
        """Take in a patch; whose lines it deleted."""
        lines = self._files.pop(file.before, array("l")) if file.before else array("l")
        # A file whose length is not given is as long as it must have been.
        needed = max((start + old - bool(old) for start, old, _, _ in file.hunks), default=0)
        lines.extend([_NOBODY] * (needed - len(lines)))
        idle, written, parts, blamed, at = set(file.idle), 0, array("l"), list[int](), 0
        for start, old, _, new in file.hunks:
            first = start - 1 if old else start
            parts += lines[at:first]
            blamed += lines[first : first + old].tolist()
            parts.extend(_NOBODY if written + n in idle else change for n in range(new))
            written += new
            at = first + old
        if not file.gone:
            self._files[file.path] = parts + lines[at:]
        return blamed


@dataclass
class _Harm:
    """Which change blames whom, as the changes go by."""

    numbers: dict[str, int] = field(default_factory=dict)
    at: list[float] = field(default_factory=list)
    repaired: dict[int, float] = field(default_factory=dict)
    reverted: dict[int, float] = field(default_factory=dict)

    def add(self, change: Change) -> int:
        """Its number."""
        number = len(self.at)
        self.at.append(change.landed)
        self.numbers[change.commit] = number
        self.numbers.update(dict.fromkeys(change.parents[1:], number))
        return number

    def blame(self, change: Change, code: list[FilePatch], wrote: set[int]) -> None:
        """wrote: the changes whose lines it deleted."""
        self._set(self.reverted, reverted_by(change, self.numbers), change.landed)
        if is_repair(change, code):
            self._set(self.repaired, wrote, change.landed)

    def _set(self, kind: dict[int, float], guilty: set[int], at: float) -> None:
        for n in guilty:
            kind.setdefault(n, max(0.0, (at - self.at[n]) / _DAY))


def reverted_by(change: Change, numbers: Mapping[str, int]) -> set[int]:
    """Which changes it takes back. numbers: of changes, by their commits."""
    found = _REVERTED.search(change.message)
    return {number for commit, number in numbers.items() if commit.startswith(found[1])} if found else set()


def is_repair(change: Change, code: Sequence[FilePatch]) -> bool:
    """Whether the lines that it deletes were wrong: it says so, and is no rewrite."""
    return repairs(change.message) and is_small(code)


def is_small(code: Sequence[FilePatch]) -> bool:
    """Whether it is no rewrite."""
    return len(code) <= _MOST_FILES and sum(f.lost for f in code) <= _MOST_LINES


def label(
    changes: Iterable[Change],
    *,
    harmed: frozenset[str] = frozenset(),
    history: History | None = None,
    lengths: Mapping[str, int] | None = None,
) -> list[Labelled]:
    """Measure and label changes, oldest first. harmed: commits known to have done harm from elsewhere · history,
    lengths: the year before them, and the lines of each source file then; None for the beginning of a repository."""
    lines, history, harm = Lines(lengths or {}), history or History(), _Harm()
    measured: list[Measured] = []
    for change in changes:
        number = harm.add(change)
        code = [f for f in change.files if f.kind is FileKind.SOURCE]
        before = {f.before: lines.length(f.before) for f in code if f.before}
        measures = features_of(change, history, before)
        measured.append(Measured(change=change, measures=measures, source=touches_source(change)))
        harm.blame(change, code, {n for file in code for n in lines.rewrite(file, number)} - {_NOBODY, number})
        if change.commit in harmed or harmed.intersection(change.parents[1:]):
            harm.reverted[number] = 0.0
        history.follow(change)
    return [
        Labelled(measured=m, repaired=harm.repaired.get(n, _NEVER), reverted=harm.reverted.get(n, _NEVER))
        for n, m in enumerate(measured)
    ]
