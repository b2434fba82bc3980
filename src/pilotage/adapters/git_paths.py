"""The paths that a range of commits changes."""

from __future__ import annotations

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError

_NAMES = ("--no-renames", "--name-only", "--no-ext-diff", "-z")
"""A renamed file is one that went and one that came: both its names count. NUL separates them, for a name may hold a
newline."""


def changed_paths(git: Git, first: str, last: str, *, since_parting: bool) -> frozenset[str]:
    """Paths from the root of the repository.

    Of `first..last`, what each commit on the line of first parents changed: a merge, what it brought there. So a change
    and its revert count. since_parting: the difference between `last` and the commit at which it left `first`, so what
    was merged from there in between does not count. Raises AdapterError.
    """
    if since_parting:
        common = git.common(first, last)
        if not common:
            raise AdapterError(f"{first[:12]} and {last[:12]} have no commit in common")
        said = git.run("diff", "--no-relative", *_NAMES, common, last, "--")
    else:
        git.see_whole([f"{first}..{last}"], f"{first[:12]}..{last[:12]}")
        line = ("--first-parent", "--diff-merges=first-parent", "--format=", "--no-relative")
        said = git.run("log", *line, *_NAMES, f"{first}..{last}", "--")
    return frozenset(path.lstrip("\n") for path in said.split("\0") if path.strip("\n"))
