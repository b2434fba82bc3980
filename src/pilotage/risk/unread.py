"""Source files whose lines a range does not show, or which it begins to call something else than source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.sizes import lines_of

_FACTOR, _LEVEL = RiskFactor.COMPLEXITY, RiskLevel.MEDIUM

_NAMED = 4
"""Files of which a sentence names so many."""
_FEW = 5
"""Changed lines that nobody hides by moving a file."""


def findings_of(files: Sequence[FilePatch], called: Sequence[str]) -> list[Finding]:
    """files: of the changes of a range, oldest first · called: paths of source files that only the newest commit calls
    generated or vendored."""
    source = [f for f in files if f.entry is Entry.FILE and f.kind is FileKind.SOURCE]
    lines = dict[str, int]()
    for file in source:
        lines[file.path] = lines.get(file.path, 0) + lines_of(file)
    found = [
        *_renamed(called, lines, "is called generated", "are called generated", "read the new lines of .gitattributes"),
        *_renamed(_saying(source), lines, "says that it is generated", "say that they are generated", _ASK),
        *_renamed(
            _moved(source, lines),
            lines,
            "lies among files that do not count",
            "lie among files that do not count",
            _COMPARE,
        ),
    ]
    if hidden := sorted({file.path for file in source if file.unread}):
        found.append(Finding(_FACTOR, _LEVEL, _hidden(hidden), hidden[0], _COMPARE))
    return found


def _hidden(paths: Sequence[str]) -> str:
    if len(paths) == 1:
        return "1 source file is not read: it holds NUL bytes, or megabytes"
    rest = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    named = ", ".join(paths[:_NAMED])
    return f"{len(paths)} source files are not read: they hold NUL bytes, or megabytes: {named}{rest}"


_ASK, _COMPARE = "ask what generates it, or remove the header", "compare both versions by hand"


def _renamed(paths: Sequence[str], lines: Mapping[str, int], one: str, many: str, cure: str) -> Iterator[Finding]:
    """What the range begins to call something else: one sentence for all of it, at the file with most lines."""
    if not paths:
        return
    count = sum(lines.get(path, 0) for path in paths)
    subject = f"1 source file {one}" if len(paths) == 1 else f"{len(paths)} source files {many}"
    whose = "its" if len(paths) == 1 else "their"
    changed = f"{count:,} changed line{'s count' if count != 1 else ' counts'}"
    words = f"{subject} since this range: {whose} {changed} as source all the same"
    yield Finding(_FACTOR, _LEVEL, words, max(paths, key=lambda path: lines.get(path, 0)), cure)


def _saying(source: Iterable[FilePatch]) -> list[str]:
    """Files whose first lines say so at the end of the range. What did say so before it is no source."""
    said = {file.path: file.header for file in source if file.header is not None and file.generated is None}
    return sorted(path for path, is_so in said.items() if is_so)


def _moved(source: Iterable[FilePatch], lines: Mapping[str, int]) -> list[str]:
    return sorted({file.path for file in source if file.was and lines[file.path] >= _FEW})
