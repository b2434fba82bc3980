"""Commits, as much of them as those who read them need."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_SUBJECT = 500
"""Characters of a subject that are read; the longest in the histories this was tried on has 230."""


@dataclass(frozen=True)
class Commit:
    """message: all of it · at: Unix seconds · files: paths it touches, empty for merges."""

    id: str
    parents: tuple[str, ...]
    name: str
    email: str
    at: float
    message: str
    files: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0].strip()[:LONGEST_SUBJECT]

    @property
    def body(self) -> str:
        return self.message.partition("\n")[2].strip()


@dataclass(frozen=True)
class ReviewedCommit:
    """author: address in lower case · message: all of it."""

    id: str
    parents: tuple[str, ...]
    author: str
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]
