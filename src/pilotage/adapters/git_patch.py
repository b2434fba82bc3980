"""Reads a patch as git prints it, line by line: files, counts, and decisions that the code gained."""

from __future__ import annotations

import re

from pilotage.model.change import FileKind, FilePatch
from pilotage.model.file_kind import kind_of

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


_DECISION = re.compile(
    rb"\b(?:if|elif|else if|elsif|for|while|until|unless|case|when|catch|except|rescue|match)\b|&&|\|\||\?[^.?:]"
)


_IDLE = re.compile(rb"\+\s*(?:$|#|//|/?\*|--|<!--|;)")


class Patch:
    """One file's part of a patch while it is read line by line."""

    def __init__(self) -> None:
        self.path = self._before = ""
        self._added = self._deleted = self._branches = self.left = 0
        self._hunks: list[tuple[int, int, int, int]] = []
        self._idle: list[int] = []
        self._code = self._gone = False

    @staticmethod
    def of(line: bytes) -> Patch:
        """From `diff --git a/X b/X`; other names come in the lines after it."""
        patch = Patch()
        text = line[11:].rstrip(b"\n").decode(errors="replace")
        half = len(text) // 2
        patch.path = patch._before = text[half + 1 :].strip('"').removeprefix("b/")
        patch._code = kind_of(patch.path) is FileKind.SOURCE
        return patch

    def note(self, line: bytes) -> None:
        """A line between hunks."""
        if line.startswith(b"@@ "):
            if found := _HUNK.match(line):
                start, old, first, new = (1 if group is None else int(group) for group in found.groups())
                self._hunks.append((start, old, first, new))
                self.left = old + new
        elif line.startswith(b"rename from "):
            self._before = _named(line[12:])
        elif line.startswith(b"rename to "):
            self.path = _named(line[10:])
            self._code = kind_of(self.path) is FileKind.SOURCE
        elif line.startswith(b"new file "):
            self._before = ""
        elif line.startswith(b"deleted file "):
            self._gone = True

    def line(self, line: bytes) -> None:
        """A line of a hunk."""
        if line.startswith(b"+"):
            if self._code:
                if _IDLE.match(line):
                    self._idle.append(self._added)
                else:
                    self._branches += len(_DECISION.findall(line))
            self._added += 1
        elif line.startswith(b"-"):
            self._deleted += 1
        else:  # "\ No newline at end of file"
            return
        self.left -= 1

    def result(self) -> FilePatch:
        return FilePatch(
            self.path, self._before, self._added, self._deleted, self._branches, tuple(self._hunks), self._gone,
            tuple(self._idle),
        )  # fmt: skip


def _named(text: bytes) -> str:
    return text.rstrip(b"\n").decode(errors="replace").strip('"')
