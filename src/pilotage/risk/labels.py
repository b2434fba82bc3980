"""Which past changes did harm: those that a later repair had to alter, and those that were reverted.

This is the SZZ algorithm (Śliwerski, Zimmermann, Zeller, MSR 2005) on lines that are neither blank nor comments (Kim et
al., ASE 2006), over first parents, so a merged branch is one change. The author of each line is tracked while reading
the changes: no line is blamed twice, and renames are followed. Repairs of more than ten source files or three hundred
deleted lines count as rewrites and blame nobody. Nobody is blamed for what was repaired after two years.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from pilotage.model.change import Change, FileKind, FilePatch
from pilotage.model.file_kind import kind_of, repairs
from pilotage.risk.assessment import Measured
from pilotage.risk.features import YEAR, History, features_of, remembered

_REVERTED = re.compile(r"[Tt]his reverts (?:commit|merge request)?\s*([0-9a-f]{7,40})")
_MOST_FILES, _MOST_LINES = 10, 300
_LATEST = 2 * YEAR
_NOBODY = -1


@dataclass
class Labelled:
    """Changes that touch source files, oldest first, each with whether it did harm. count: of all changes."""

    measured: list[Measured] = field(default_factory=list)
    harmful: list[bool] = field(default_factory=list)
    count: int = 0


class Lines:
    """Which change wrote each line of each source file, by number."""

    def __init__(self) -> None:
        self._files: dict[str, array[int]] = {}

    def length(self, path: str) -> int:
        return len(self._files.get(path, ()))

    def rewrite(self, file: FilePatch, change: int) -> list[int]:
        """Take in a patch; whose lines it deleted."""
        lines = self._files.pop(file.before, array("l")) if file.before else array("l")
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


def label(changes: Iterable[Change], harmed: frozenset[str] = frozenset()) -> Labelled:
    """Measure and label a whole history, oldest first. harmed: commits known to have done harm from elsewhere."""
    lines, history, numbers = Lines(), History(), dict[str, int]()
    all_measured: list[Measured] = []
    source: list[bool] = []
    guilty: set[int] = set()
    for number, change in enumerate(changes):
        numbers[change.commit] = number
        numbers.update(dict.fromkeys(change.parents[1:], number))
        code = [f for f in change.files if kind_of(f.path) is FileKind.SOURCE]
        lengths = {f.before: lines.length(f.before) for f in code if f.before}
        all_measured.append(Measured(change, features_of(change, history, lengths)))
        source.append(bool(code))
        blamed = {n for file in code for n in lines.rewrite(file, number)} - {_NOBODY}
        when = change.at
        guilty |= {n for n in _guilty(change, code, blamed, numbers) if when - all_measured[n].change.at <= _LATEST}
        if change.commit in harmed or harmed.intersection(change.parents[1:]):
            guilty.add(number)
        for file in change.files:
            if file.before and file.before != file.path:
                history.rename(file.before, file.path)
        history.add(remembered(change))
    kept = [n for n, touches in enumerate(source) if touches]
    return Labelled([all_measured[n] for n in kept], [n in guilty for n in kept], len(all_measured))


def _guilty(change: Change, code: list[FilePatch], blamed: set[int], numbers: dict[str, int]) -> set[int]:
    found: set[int] = set()
    if code and (reverted := _REVERTED.search(change.message)):
        found = {number for commit, number in numbers.items() if commit.startswith(reverted[1])}
    small = len(code) <= _MOST_FILES and sum(f.deleted for f in code) <= _MOST_LINES
    return found | blamed if repairs(change.message) and small else found
