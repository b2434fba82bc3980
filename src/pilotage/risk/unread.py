"""Source files whose lines a range does not show, or whose lines it begins to call generated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_FACTOR, _LEVEL = RiskFactor.COMPLEXITY, RiskLevel.MEDIUM


def findings_of(files: Iterable[FilePatch], called: Sequence[str]) -> list[Finding]:
    """called: paths of source files that only the newest commit calls generated or vendored."""
    found = []
    if called:
        count = "counts" if len(called) == 1 else "count"
        words = f"{_count(called)} called generated since this range, and {count} in it all the same"
        found.append(Finding(_FACTOR, _LEVEL, words, called[0], "read the lines that .gitattributes got"))
    if hidden := sorted({f.path for f in files if f.unread and f.entry is Entry.FILE and f.kind is FileKind.SOURCE}):
        words = f"{_count(hidden)} not read: {'it holds' if len(hidden) == 1 else 'they hold'} NUL bytes, or megabytes"
        found.append(Finding(_FACTOR, _LEVEL, words, hidden[0], "compare both versions by hand"))
    return found


def _count(paths: Sequence[str]) -> str:
    return "1 source file is" if len(paths) == 1 else f"{len(paths)} source files are"
