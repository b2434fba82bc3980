"""Reads files of evidence: inside the project only, of a sensible size, young enough, and whole."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.ports import AdapterError
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Document

if TYPE_CHECKING:
    from pilotage.adapters.git import Git

LIMIT = 64 * 2**20
"""Bytes of a report; a coverage report of a million lines has some thirty megabytes."""


@dataclass(frozen=True)
class ProjectFiles:
    """root: nothing outside of it is read · max_age: seconds · now: Unix seconds · since: when the released commit was
    made, Unix seconds; what is older cannot speak of it · git: keeps some of the files; those are as old as their
    commit, whenever they were checked out."""

    root: Path
    max_age: float
    now: float
    since: float = 0.0
    git: Git | None = None

    def read(self, path: str) -> tuple[bytes, Document]:
        """The bytes of a report, and what to remember of it. Raises BadEvidence with what is wrong."""
        with self._open(path) as file:
            found = os.fstat(file.fileno())
            if found.st_size > LIMIT:
                raise BadEvidence(f"{path} has {found.st_size} bytes; the limit is {LIMIT}")
            content = file.read(LIMIT + 1)
        if not content.strip():
            raise BadEvidence(f"{path} is empty")
        modified = self._modified(path, found.st_mtime)
        document = Document(path, hashlib.sha256(content).hexdigest(), len(content), modified)
        self._fresh(document)
        return content, document

    def content(self, path: str) -> bytes:
        """All bytes of a report, of any age. Raises BadEvidence."""
        with self._open(path) as file:
            return file.read(LIMIT + 1)

    def digest(self, path: str) -> Document:
        """What to remember of a file of any size and age, such as the artifact. Raises BadEvidence."""
        with self._open(path) as file:
            found = os.fstat(file.fileno())
            if not found.st_size:
                raise BadEvidence(f"{path} is empty")
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Document(path, digest, found.st_size, found.st_mtime)

    def listed(self, path: str) -> list[str]:
        """The Markdown files of a folder, or the file itself, as paths inside the project. Raises BadEvidence."""
        place = self._inside(path)
        if not place.is_dir():
            return [path]
        root = self.root.resolve()
        found = sorted(str(one.relative_to(root)) for one in place.rglob("*.md"))
        if not found:
            raise BadEvidence(f"{path} has no Markdown file")
        return found

    def exists(self, path: str) -> bool:
        """Whether something is there, inside the project."""
        try:
            return self._inside(path).exists()
        except (BadEvidence, OSError):
            return False

    def _open(self, path: str) -> BufferedReader:
        place = self._inside(path)
        try:
            # Without O_NONBLOCK, a named pipe in place of the file would block for ever.
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BadEvidence(f"{path} is missing") from None
        except OSError as error:
            raise BadEvidence(f"{path} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadEvidence(f"{path} is not a file")
        return os.fdopen(descriptor, "rb")

    def _inside(self, path: str) -> Path:
        root = self.root.resolve()
        if "\0" in path:
            raise BadEvidence("a path cannot contain a zero byte")
        try:
            place = (root / path).resolve()
        except (OSError, RuntimeError):  # a loop of links
            raise BadEvidence(f"{path} is a broken link") from None
        if not place.is_relative_to(root):
            raise BadEvidence(f"{path} is outside {root}")
        return place

    def _modified(self, path: str, on_disk: float) -> float:
        if self.git is None:
            return on_disk
        try:
            kept = self.git.kept_since(path)
        except AdapterError as error:
            raise BadEvidence(str(error)) from None
        return on_disk if kept is None else kept

    def _fresh(self, document: Document) -> None:
        age = self.now - document.modified
        if age > self.max_age:
            words = f"is {format_duration(int(age))} old; the limit is {format_duration(int(self.max_age))}"
            raise BadEvidence(f"{document.path} {words}")
        if document.modified < self.since:
            raise BadEvidence(f"{document.path} is older than the released commit")
