"""Source files that a range moves to where nobody counts lines: among vendored code, tests, documents, generated code.

Such a move, with edits beside it, would hide the edits. So the file stays source in all of the range. A move that git
does not recognize, because little of the file is left, is one where a source file goes and one of its name comes.
"""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from pilotage.adapters.git_attributes import Attributes
from pilotage.adapters.git_generated import is_written
from pilotage.model.change import Change, Entry, FileKind, FilePatch
from pilotage.model.file_kind import is_code, kind_of, suffix_of

if TYPE_CHECKING:
    from pilotage.adapters.git import Git
    from pilotage.adapters.git_contents import Contents

_AWAY = (FileKind.OTHER, FileKind.TEST, FileKind.DOCUMENTATION)


_LEAST_LINE = 8
"""Bytes of a line that tells one file from another."""

_ALIKE = 0.2
"""The share of lines of a file that must be left for it to be the same one; git itself asks for half."""


class Moves:
    """Of one reading, whose changes come in the order in which they landed."""

    def __init__(self, git: Git, attributes: Attributes) -> None:
        self._contents: Contents = git.reading()
        self._attributes = attributes
        self._was: dict[str, str] = {}
        self._gone: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Moves:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._contents.close()

    def followed(self, change: Change) -> Change:
        """The change, with `was` set where a file was source before it moved away. change: with what attributes and
        headers say."""
        self._note_gone(change)
        files = tuple(self._followed(file, change) for file in change.files)
        return change if all(a is b for a, b in zip(files, change.files, strict=True)) else replace(change, files=files)

    def _note_gone(self, change: Change) -> None:
        for file in change.files:
            if file.gone and file.kind is FileKind.SOURCE and change.parents:
                self._gone[_name(file.path)] = (file.path, f"{change.parents[0]}:{file.path}")

    def _followed(self, file: FilePatch, change: Change) -> FilePatch:
        is_away = file.kind in _AWAY and file.entry is Entry.FILE and not file.gone and is_code(file.path)
        if is_away and (was := self._was.get(file.before) or self._came_from(file, change)):
            self._was[file.path] = was
            return replace(file, was=was)
        self._was.pop(file.path, None)
        return file

    def _came_from(self, file: FilePatch, change: Change) -> str:
        """The path at which somebody wrote it as source before this change; empty where nobody did."""
        if not file.before:
            path, name = self._gone.get(_name(file.path), ("", ""))
            return path if path and self._are_alike(name, f"{change.commit}:{file.path}") else ""
        if file.before == file.path or not change.parents:
            return ""
        ((generated, vendored),) = self._attributes.of([file.before])
        if kind_of(file.before, generated, vendored) is not FileKind.SOURCE:
            return ""
        (content,) = self._contents.of([f"{change.parents[0]}:{file.before}"])
        return file.before if content and not is_written(content, suffix_of(file.before)) else ""

    def _are_alike(self, old: str, new: str) -> bool:
        before, after = (_telling(content) for content in self._contents.of([old, new]))
        return bool(before) and len(before & after) >= _ALIKE * len(before)


def _telling(content: bytes | None) -> frozenset[bytes]:
    lines = (line.strip() for line in (content or b"").split(b"\n"))
    return frozenset(line for line in lines if len(line) >= _LEAST_LINE)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
