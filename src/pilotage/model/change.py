"""A merged change: what a commit, or a merged branch as one, did to which files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileKind(StrEnum):
    SOURCE = "source"
    TEST = "test"
    INFRASTRUCTURE = "infrastructure"
    MIGRATION = "migration"
    DEPENDENCIES = "dependencies"
    CONFIGURATION = "configuration"
    DOCUMENTATION = "documentation"
    OTHER = "other"


@dataclass(frozen=True)
class FilePatch:
    """What a change did to one file.

    added, deleted: lines · branches: decisions among the added lines · hunks: runs of lines as (first old, old count,
    first new, new count) · before: the path it had, empty for a new file · idle: which of the added lines, counted from
    0, are blank or a comment; of source files only.
    """

    path: str
    before: str
    added: int
    deleted: int
    branches: int = 0
    hunks: tuple[tuple[int, int, int, int], ...] = ()
    gone: bool = False
    idle: tuple[int, ...] = ()

    @property
    def worth(self) -> int:
        """Added lines that are neither blank nor a comment."""
        return self.added - len(self.idle)


@dataclass(frozen=True)
class Change:
    """author: as in the mail map · at: Unix seconds, when it was written · offset: seconds east of Greenwich at that
    place · message: complete · parents: several for a merge; its patch is against the first."""

    commit: str
    parents: tuple[str, ...]
    author: str
    at: int
    offset: int
    message: str
    files: tuple[FilePatch, ...]

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]
