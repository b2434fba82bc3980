"""What a range hides of its code: files that it begins to call generated, and source that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from pilotage.adapters.git import Git
from pilotage.adapters.git_attributes import FILE, Attributes
from pilotage.model.change import FileKind, FilePatch
from pilotage.model.risk import Finding
from pilotage.risk import unread


def findings_of(files: Sequence[FilePatch], git: Git, first: str, last: str) -> list[Finding]:
    """files: of the changes after `first` up to `last`. Raises AdapterError."""
    return unread.findings_of(files, _newly_called(files, git, first, last))


def _newly_called(files: Sequence[FilePatch], git: Git, first: str, last: str) -> list[str]:
    """Source files that the attributes of the range itself call generated."""
    if not any(f.path.rpartition("/")[2] == FILE for f in files):
        return []
    with closing(Attributes(git, first, last)) as attributes:
        return attributes.newly_called(sorted({f.path for f in files if f.kind is FileKind.SOURCE and not f.gone}))
