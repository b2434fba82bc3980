"""Changes as data, without a repository."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.change import Change, FilePatch


def change(lines: Mapping[str, int], *, author: str = "ada@example.org", commit: str = "a" * 40) -> Change:
    """lines: added ones by file."""
    files = tuple(FilePatch(path, path, count, 0) for path, count in lines.items())
    return Change(commit, ("b" * 40,), author, 1_700_000_000, 0, "Change it", files)
