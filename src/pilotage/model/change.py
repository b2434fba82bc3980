"""A merged change: what a commit, or a merged branch as one, did to which files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pilotage.model.file_kind import FileKind as FileKind
from pilotage.model.file_kind import kind_of

_MOST_LINES = 40
"""Of the message of a merge that are looked through for its title."""


class Entry(StrEnum):
    """What lies at a path."""

    FILE = "file"
    LINK = "link"
    SUBMODULE = "submodule"


@dataclass(frozen=True)
class FilePatch:
    """What a change did to one file. White space is left out: `docs/decisions/0131` says where it counts all the same.

    added, deleted: lines · branches: decisions among the added lines · hunks: runs of lines as (first old, old count,
    first new, new count) · before: the path it had, empty for a new file · idle: which of the added lines, counted from
    0, are blank or a comment; of source files only · void: how many of the deleted lines are · header: whether its
    first lines say that a program wrote it, None where the change does not touch them · generated, vendored: what is
    known beside the name, from attributes of the repository or from its header · was: the path at which it was source
    before a move that would hide its lines, else empty · program: whether it may be run, or begins as a script does;
    of a file without a suffix · runnable: the permission to run that it got or lost, None where it kept it · unread:
    whether git takes it for binary, so that its lines are not known.
    """

    path: str
    before: str
    added: int
    deleted: int
    branches: int = 0
    hunks: tuple[tuple[int, int, int, int], ...] = ()
    gone: bool = False
    idle: tuple[int, ...] = ()
    void: int = 0
    entry: Entry = Entry.FILE
    header: bool | None = None
    generated: bool | None = None
    vendored: bool | None = None
    was: str = ""
    program: bool = False
    runnable: bool | None = None
    unread: bool = False

    @property
    def worth(self) -> int:
        """Added lines that are neither blank nor a comment."""
        return self.added - len(self.idle)

    @property
    def lost(self) -> int:
        """Deleted lines that were neither blank nor a comment."""
        return self.deleted - self.void

    @cached_property
    def kind(self) -> FileKind:
        """By its path, and by what the repository and the file's header say of it."""
        if self.was:
            return FileKind.SOURCE
        match self.entry:
            case Entry.LINK:
                return FileKind.OTHER
            case Entry.SUBMODULE:
                return FileKind.DEPENDENCIES
            case Entry.FILE:
                return kind_of(self.path, self.generated, self.vendored, self.program)

    @property
    def is_idle(self) -> bool:
        """Whether nothing changed but white space, blank lines and comments."""
        return not (self.worth or self.lost or self.gone or self.path != self.before or self.runnable is not None)


@dataclass(frozen=True)
class Change:
    """author: the full name, or the address of who gives none, as in the mail map · at: Unix seconds, when its author
    wrote it · offset: seconds east of Greenwich at that place · message: complete · parents: several for a merge; its
    patch is against the first · landed: Unix seconds, when it came into this history, by clocks that agree with one
    another: what orders and ages a history · name, address: of its author, as the commit or the mail map has them."""

    commit: str
    parents: tuple[str, ...]
    author: str
    at: int
    offset: int
    message: str
    files: tuple[FilePatch, ...]
    landed: float = 0.0
    name: str = ""
    address: str = ""

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def title(self) -> str:
        """What it is about: of a merge, the title of the merged request or the first subject that its body lists."""
        return title_of(self.message, is_merge=len(self.parents) > 1)


def title_of(message: str, *, is_merge: bool) -> str:
    """As `Change.title`."""
    subject, _, body = message.partition("\n")
    if not is_merge or not subject.startswith("Merge "):
        return subject
    lines = (line.strip() for line in body.splitlines()[: _MOST_LINES - 1])
    told = (line.removeprefix("* ").removeprefix("- ") for line in lines if line and not line.endswith(":"))
    return next((line for line in told if not line.startswith(("#", "Conflicts")) and line), subject)
