"""Which files say in their first lines that a program wrote them, followed from change to change.

A patch shows the header of a file only where the file is new or its first lines change. What a reading has not seen yet
is looked up once, as it was before the change. A file that was written by hand when the range began is source in all
of the range: a header that it gets beside a change must not hide the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from pilotage.model.change import Change, Entry, FileKind, FilePatch
from pilotage.model.file_kind import kind_of, suffix_of
from pilotage.model.foreign import HEAD, is_library, is_minified, says_generated

if TYPE_CHECKING:
    from pilotage.adapters.git import Git
    from pilotage.adapters.git_contents import Contents


class Generated:
    """Of one reading, whose changes come in the order in which they landed. first: the commit before the range."""

    def __init__(self, git: Git, first: str) -> None:
        self._first = first
        self._contents: Contents = git.reading()
        self._known: dict[str, bool] = {}

    def __enter__(self) -> Generated:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._contents.close()

    def marked(self, change: Change) -> Change:
        """The change, with `generated` set where a file's header says so and no attribute says otherwise."""
        self._look_up(change)
        files = tuple(self._marked(file) for file in change.files)
        return change if all(a is b for a, b in zip(files, change.files, strict=True)) else replace(change, files=files)

    def _look_up(self, change: Change) -> None:
        """What files said before it, where this reading has not met them and their header may decide."""
        files = (file for file in change.files if _may_be(file) and file.header is not False and file.before)
        paths = [path for path in dict.fromkeys(file.before for file in files) if path not in self._known]
        if not paths or not change.parents:
            return
        contents = self._contents.of([f"{change.parents[0]}:{path}" for path in paths])
        for path, content in zip(paths, contents, strict=True):
            self._known[path] = content is not None and is_written(content, suffix_of(path))
        self._begin([path for path in paths if self._known[path]])

    def _begin(self, paths: Sequence[str]) -> None:
        """Of these paths, those that were written by hand when the range began stay so."""
        contents = self._contents.of([f"{self._first}:{path}" for path in paths]) if self._first else ()
        for path, content in zip(paths, contents, strict=False):
            self._known[path] = content is None or is_written(content, suffix_of(path))

    def _marked(self, file: FilePatch) -> FilePatch:
        if not _may_be(file):
            return file
        before = self._known.get(file.before or file.path)
        now = bool(before) if file.header is None else file.header and before is not False
        if file.before != file.path:
            self._known.pop(file.before, None)
        self._known[file.path] = now
        return replace(file, generated=True) if now and file.generated is None else file


def _may_be(file: FilePatch) -> bool:
    return file.entry is Entry.FILE and kind_of(file.path) is FileKind.SOURCE


def is_written(content: bytes, suffix: str) -> bool:
    """Whether a program wrote it, by its first lines and its width."""
    head = content[:20_000].split(b"\n", HEAD)[:HEAD]
    if says_generated(head, suffix) or is_library(head, suffix):
        return True
    lines = content.count(b"\n") or 1
    if len(content) < 100 * lines:
        return False
    return is_minified(lines, len(content), max(map(len, content.split(b"\n"))), suffix)
