"""Reads a patch as git prints it, line by line: files, counts, and decisions that the code gained."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import compress, islice
from operator import not_
from typing import IO

from pilotage.adapters.git_lines import are_idle, decisions
from pilotage.adapters.git_names import unquoted
from pilotage.adapters.git_space import INDENTED, Pair, depth, is_indented_anew, same_lines
from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.file_kind import kind_of, suffix_of
from pilotage.model.foreign import HEAD, is_library, is_minified, says_generated

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

_MOST = 100_000
"""Lines of a hunk that are compared without their white space; nobody reviews more."""

_AT_ONCE = 10_000
"""Lines that are in memory at once."""

_LONGEST = 2**20
"""Bytes of a line that are kept. Of what is longer, a digest takes the place of the rest: no two lines become one."""

_WIDE = 2**14
"""Bytes of a line in which decisions are counted: what is longer was not written by hand."""

_UNCOUNTED = (FileKind.OTHER, FileKind.TEST, FileKind.DOCUMENTATION)
"""Kinds of files of which nobody asks more than how many lines they got and lost."""

_HEADS = (b"Binary", b"rename ", b"new ", b"deleted ", b"index ", b"old ")

_ENTRIES = {b"120000": Entry.LINK, b"160000": Entry.SUBMODULE}


@dataclass(slots=True)
class _Hunk:
    """old, new: its lines, of a hunk that has both · idle, void: which of its new and its old lines are blank or a
    comment · code: its new lines with blank ones instead of those, until they are counted · branches: decisions of the
    new lines · same: lines that differ in white space alone · moved: those of
    them whose depth changed too, in a language where that means something."""

    start: int
    was: int
    first: int
    count: int
    old: list[bytes] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)
    idle: list[bool] = field(default_factory=list)
    void: list[bool] = field(default_factory=list)
    code: list[bytes] = field(default_factory=list)
    branches: int = 0
    same: list[Pair] = field(default_factory=list)
    moved: list[Pair] = field(default_factory=list)


class Patch:
    """One file's part of a patch while it is read line by line."""

    def __init__(self) -> None:
        self.path = self._before = self._suffix = ""
        self.opened = False
        self._hunks: list[_Hunk] = []
        self._depths: list[Pair] = []
        self._head: list[bytes] = []
        self._size = self._longest = self._lines = 0
        self._code = self._counts = self._gone = self._unsaid = self._unread = self._program = False
        self._modes = (b"", b"")
        self._entry = Entry.FILE

    @staticmethod
    def of(line: bytes) -> Patch:
        """From `diff --git a/X b/X`; other names come in the lines after it."""
        patch = Patch()
        text = line[11:].rstrip(b"\n")
        patch._before = unquoted(text[len(text) // 2 + 1 :]).removeprefix("b/")
        patch._named(patch._before)
        return patch

    def _named(self, path: str) -> None:
        self.path, self._suffix = path, suffix_of(path)
        self._look_at_kind()

    def _look_at_kind(self) -> None:
        kinds = kind_of(self.path, program=self._program), kind_of(self._before or self.path)
        self._code = FileKind.SOURCE in kinds
        self._counts = any(kind not in _UNCOUNTED for kind in kinds)

    def _runs(self, mode: bytes) -> None:
        if mode == b"100755" and not self._suffix:
            self._program = True
            self._look_at_kind()

    def note(self, line: bytes) -> None:
        """A line between hunks."""
        if line.startswith(b"@@ "):
            if found := _HUNK.match(line):
                start, old, first, new = found.groups(b"1")
                self._hunks.append(_Hunk(int(start), int(old), int(first), int(new)))
                self.opened = True
        elif line.startswith(_HEADS):
            self._note_head(line)

    def _note_head(self, line: bytes) -> None:
        if line.startswith(b"Binary files "):
            self._unread = True
        elif line.startswith(b"rename from "):
            self._before = unquoted(line[12:].rstrip(b"\n"))
        elif line.startswith(b"rename to "):
            self._named(unquoted(line[10:].rstrip(b"\n")))
        elif line.startswith(b"new file mode "):
            self._before = ""
            self._is(line[14:20])
        elif line.startswith(b"deleted file mode "):
            self._gone = True
            self._is(line[18:24])
        elif line.startswith(b"index ") and line.rstrip()[-7:-6] == b" ":
            self._is(line.rstrip()[-6:])
        elif line.startswith(b"old mode "):
            self._modes = (line[9:15], b"")
        elif line.startswith(b"new mode "):
            self._modes = (self._modes[0], line[9:15])
            self._runs(line[9:15])

    def _is(self, mode: bytes) -> None:
        self._entry = _ENTRIES.get(mode, self._entry)
        self._runs(mode)

    def read(self, stream: IO[bytes]) -> None:
        """The lines of the hunk whose head was noted: without context, those that went come first."""
        hunk = self._hunks[-1]
        self.opened = False
        if not self._counts and (self._suffix or hunk.first > 1):
            _skip(stream, hunk.was, hunk.count)
            return
        compared = bool(hunk.was and hunk.count) and hunk.was + hunk.count <= _MOST
        for lines in _lines(stream, hunk.was):
            if self._code:
                self._look_at_old(lines, hunk)
            if compared:
                hunk.old += lines
        for lines in _lines(stream, hunk.count):
            if not self._suffix and hunk.first == 1 and not hunk.idle and lines[0].startswith(b"#!"):
                self._runs(b"100755")
            if self._code:
                self._look_at_new(lines, hunk)
            if compared:
                hunk.new += lines
        if compared:
            self._compare(hunk)
        if not (hunk.same or hunk.moved):
            hunk.branches += decisions(b"".join(hunk.code))
            hunk.code = []

    def _look_at_old(self, lines: list[bytes], hunk: _Hunk) -> None:
        if hunk.start <= HEAD and not self._unsaid:
            said = [line for line in lines[: max(0, HEAD - len(hunk.void))] if b"enerated" in line]
            self._unsaid = any(says_generated([line], self._suffix) for line in said)
        hunk.void += are_idle(lines, self._suffix)

    def _look_at_new(self, lines: list[bytes], hunk: _Hunk) -> None:
        idle = are_idle(lines, self._suffix)
        hunk.idle += idle
        if hunk.old:  # some of these lines may turn out to be old ones
            hunk.code += [b"" if none else line[:_WIDE] for none, line in zip(idle, lines, strict=True)]
        else:
            hunk.branches += decisions(b"".join(line[:_WIDE] for line in compress(lines, map(not_, idle))))
        if hunk.first <= HEAD and len(self._head) < HEAD:
            self._head += lines[: HEAD - len(self._head)]
        if not self._before:
            sizes = list(map(len, lines))
            self._lines, self._size = self._lines + len(lines), self._size + sum(sizes)
            self._longest = max(self._longest, *sizes)

    def _compare(self, hunk: _Hunk) -> None:
        """Which lines are the same but for white space, once all of a hunk is there."""
        for i, j in same_lines(hunk.old, hunk.new):
            old, new = depth(hunk.old[i]), depth(hunk.new[j])
            if self._suffix not in INDENTED or not hunk.new[j].strip() or old == new:
                hunk.same.append((i, j))
            else:
                hunk.moved.append((i, j))
                self._depths.append((old, new))
        hunk.old, hunk.new = [], []

    def _header(self) -> bool | None:
        """Whether the file says that a program wrote it; None where this patch does not touch what says so."""
        if not self._code or not self._hunks or self._gone:
            return None
        is_new, starts = not self._before, self._hunks[0].first <= 1
        if says_generated(self._head, self._suffix) or (starts and is_library(self._head, self._suffix)):
            return True
        if is_new:
            return is_minified(self._lines, self._size, self._longest, self._suffix)
        return False if self._unsaid else None

    def result(self) -> FilePatch:
        anew = is_indented_anew(self._depths)
        hunks: list[tuple[int, int, int, int]] = []
        idle: list[int] = []
        added = deleted = branches = void = 0
        for hunk in self._hunks:
            same = sorted([*hunk.same, *hunk.moved]) if anew else hunk.same
            branches += hunk.branches
            for start, was, first, count in _parted(hunk, same):
                hunks.append((start, was, first, count))
                i, j = start - hunk.start if was else 0, first - hunk.first if count else 0
                void += sum(hunk.void[i : i + was])
                branches += decisions(b"".join(hunk.code[j : j + count])) if hunk.code else 0
                idle += [added + n for n, one in enumerate(hunk.idle[j : j + count]) if one]
                added, deleted = added + count, deleted + was
        before, after = (mode[-3:-2] for mode in self._modes)
        return FilePatch(
            self.path, self._before, added, deleted, branches, tuple(hunks), self._gone, tuple(idle), void,
            self._entry, self._header(), runnable=None if before == after else after == b"7",
            unread=self._unread and not self._gone, program=self._program,
        )  # fmt: skip


def _skip(stream: IO[bytes], *counts: int) -> None:
    """So many lines of each half of a hunk. `\\ No newline at end of file` may stand between the halves."""
    for count in counts:
        if count and next(stream, b"").startswith(b"\\"):
            next(stream, b"")
        deque(islice(stream, count - 1 if count else 0), maxlen=0)


def _lines(stream: IO[bytes], count: int) -> Iterator[list[bytes]]:
    """So many lines of a hunk without their sign, some at a time. `\\ No newline at end of file` may stand between its
    two halves; where it stands at the end, nobody asks for it."""
    while count > 0:
        raw = list(islice(stream, min(count, _AT_ONCE)))
        if raw and raw[0].startswith(b"\\"):
            raw[:1] = []
            raw += islice(stream, 1)
        if not raw:
            return
        count -= len(raw)
        yield [line[1:] if len(line) <= _LONGEST else _cut(line) for line in raw]


def _cut(line: bytes) -> bytes:
    return line[1:_LONGEST] + sha256(line).digest()


def _parted(hunk: _Hunk, same: list[Pair]) -> list[tuple[int, int, int, int]]:
    """What is left of a hunk without the lines that stayed the same, as git numbers hunks: a side without lines has the
    number of the line before."""
    if not same:
        return [(hunk.start, hunk.was, hunk.first, hunk.count)]
    found, i, j = [], 0, 0
    for x, y in [*same, (hunk.was, hunk.count)]:
        was, count = x - i, y - j
        if was or count:
            found.append((hunk.start + i - (not was), was, hunk.first + j - (not count), count))
        i, j = x + 1, y + 1
    return found
