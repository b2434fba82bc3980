"""Findings of a range in the contents of its files: as they were at its beginning and are at its end.

What is too large or too much to be looked into is said: an unread file never passes for a harmless one.
"""

from __future__ import annotations

import codecs
import posixpath
from collections.abc import Iterator, Sequence

from pilotage.adapters import squawk
from pilotage.adapters.git import Git
from pilotage.app import hidden_sources
from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.file_kind import kind_of
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk import complexity, dependencies, entries, infrastructure, migrations
from pilotage.risk.advisories import Advisories
from pilotage.risk.made_tables import MadeTables

_MOST_BYTES = 400_000
"""A file beyond this was not written by hand, or is no file to look into in a hurry."""

_MOST_FILES = 40
_MOST_TO_PARSE = 300_000
"""Bytes of source whose functions are counted, most changed file first: parsing is what takes the time."""

_MOST_OF_MIGRATIONS = 600_000
"""Characters of all migrations of a range together."""

_LEAST_DECISIONS = 5

_MOST_OF_LOCK = 12_000_000
"""Characters of a lock file; the largest known ones have 5 million."""
_LARGE_LOCK = "a lock file is too large to be read: what changes in it is unknown"

_Both = tuple[str, str | None, str | None]
"""A path, what it held before, and what it holds after."""


def looked_into_files(
    git: Git, first: str, last: str, files: Sequence[FilePatch], advisories: Advisories
) -> Iterator[Finding]:
    """Lock files, migrations and the functions that got harder: as they were at the beginning and are at the end."""
    locks = _both(git, first, last, _locks(files))
    for path, before, after in locks:
        if max(len(before or ""), len(after or "")) > _MOST_OF_LOCK:
            yield Finding(RiskFactor.DEPENDENCIES, RiskLevel.MEDIUM, _LARGE_LOCK, path, "compare both versions by hand")
        else:
            yield from dependencies.findings_of(path, before, after, advisories)
    migrating = sorted({f.path for f in files if f.kind is FileKind.MIGRATION})
    changed, large = _readable(list(_both(git, first, last, migrating)), migrating)
    if large:
        words = f"{len(large)} migration{'s are' if len(large) > 1 else ' is'} too large to be read"
        yield Finding(RiskFactor.MIGRATIONS, RiskLevel.MEDIUM, words, large[0], "review it by hand")
    made = MadeTables({path: after for path, before, after in changed if after and before is None})
    for path, before, after in changed:
        if after and after != before:
            known = _earlier(git, first, path) if "replaces" in after else None
            yield from migrations.findings_of(path, after, before or "", made.by(path), known)
            if forward := migrations.forward_sql(path, after, before or ""):
                yield from squawk.findings_of(path, forward)
    yield from _harder(git, first, last, files)


def _earlier(git: Git, first: str, path: str) -> frozenset[str]:
    """Names of the migrations that were in the folder before the range."""
    folder = f"{posixpath.dirname(path)}/".lstrip("/")
    there = git.run("ls-tree", "--name-only", "-z", first, "--", *([folder] if folder else [])).split("\0")
    return frozenset(posixpath.splitext(posixpath.basename(one))[0] for one in there if one)


def _readable(changed: Sequence[_Both], asked: Sequence[str]) -> tuple[list[_Both], list[str]]:
    """Those that are read, shortest first until they are too much together, in their order; and paths of the rest.
    asked: all paths; what is too large is not among the changed ones."""
    left, kept = _MOST_OF_MIGRATIONS, set[str]()
    for path, _, after in sorted(changed, key=lambda one: len(one[2] or "")):
        left -= len(after or "")
        if left >= 0:
            kept.add(path)
    return [one for one in changed if one[0] in kept], [path for path in asked if path not in kept]


def _harder(git: Git, first: str, last: str, files: Sequence[FilePatch]) -> Iterator[Finding]:
    """Functions of the files that got most decisions, as far as they are parsed, and how many files are not."""
    gained = _decisive(files)
    left, decisive = _MOST_TO_PARSE, gained[:_MOST_FILES]
    both = list(_both(git, first, last, [*decisive, *_shrunk(files, decisive)]))
    past = complexity.Before({path: before or "" for path, before, _ in both})
    rest = [path for path in gained if path not in {one for one, _, _ in both}]
    for path, _, after in both:
        if path in decisive:
            left -= len(after or "")
            if after and left > 0:
                yield from complexity.findings_of(path, after, past)
            elif after:
                rest.append(path)
    if still := _still_there(files, rest):
        gain = (
            "1 more file gains decisions; its" if len(still) == 1 else f"{len(still)} more files gain decisions; their"
        )
        words = f"{gain} functions are not counted"
        yield Finding(RiskFactor.COMPLEXITY, RiskLevel.LOW, words, still[0])


def _still_there(files: Sequence[FilePatch], paths: Sequence[str]) -> list[str]:
    is_gone = {file.path: file.gone for file in files}
    return [path for path in paths if not is_gone[path]]


def _shrunk(files: Sequence[FilePatch], but: Sequence[str]) -> list[str]:
    """Source files that functions may have moved away from, or that were renamed: most lost lines first."""
    lost: dict[str, int] = {}
    for file in files:
        if file.kind is FileKind.SOURCE and file.before and (file.lost or file.before != file.path):
            lost[file.before] = lost.get(file.before, 0) + file.lost + (file.before != file.path)
    return sorted(lost.keys() - set(but), key=lambda path: -lost[path])[:_MOST_FILES]


def beside(files: Sequence[FilePatch], git: Git, first: str, last: str) -> list[Finding]:
    """What changes beside the code: infrastructure, submodules, and the permission to run a file."""
    asked = infrastructure.charts_of(files)
    contents = git.contents([f"{last}:{path}" for path in asked])
    charts = {path for path, content in zip(asked, contents, strict=True) if content is not None}
    images = {path: (b, a) for path, b, a in _both(git, first, last, infrastructure.images_of(files)) if a and b}
    hidden = hidden_sources.findings_of(files, git, first, last)
    return [*infrastructure.findings_of(files, charts, images), *entries.findings_of(files), *hidden]


def _locks(files: Sequence[FilePatch]) -> list[str]:
    return sorted({f.path for f in files if f.kind is FileKind.DEPENDENCIES and f.entry is Entry.FILE})


def _decisive(files: Sequence[FilePatch]) -> list[str]:
    """The source files that got most decisions, none of those with hardly any."""
    added: dict[str, int] = {}
    for file in files:
        if file.kind is FileKind.SOURCE:
            added[file.path] = added.get(file.path, 0) + file.branches
    most = sorted(added, key=lambda path: -added[path])
    return [path for path in most if added[path] >= _LEAST_DECISIONS]


def _both(git: Git, first: str, last: str, paths: Sequence[str]) -> Iterator[_Both]:
    contents = git.contents([f"{commit}:{path}" for path in paths for commit in (first, last)])
    for index, path in enumerate(paths):
        before, after = contents[2 * index : 2 * index + 2]
        if max(len(before or b""), len(after or b"")) <= _MOST_BYTES or kind_of(path) is FileKind.DEPENDENCIES:
            yield path, _text(before), _text(after)


def _text(content: bytes | None) -> str | None:
    """Of a file, which editors of Windows write as UTF-16 or with a mark of their own at its beginning."""
    if content is None:
        return None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
