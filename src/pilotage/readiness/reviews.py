"""Whether someone other than the author reviewed every commit (R5): by its trailers, or by its merge.

The conventions are git's own: `Reviewed-by`, `Approved-by` and `Acked-by` trailers, and merges of requests by a person
other than the author. A squashed request shows only its number; its code host knows the reviews.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.commit import ReviewedCommit

_TRAILER = re.compile(r"^(?:Reviewed|Approved|Acked)-by:[^<\n]*<([^>\n]+)>\s*$", re.IGNORECASE | re.MULTILINE)
_REQUEST = re.compile(
    r"^Merge (?:pull request #|branch )|^See merge request |^Merged? in .+ \(pull request #", re.MULTILINE
)
_SQUASHED = re.compile(r"\((?:#|!)(\d+)\)$")


@dataclass(frozen=True)
class Unreviewed:
    commit: ReviewedCommit
    why: str


def unreviewed(
    commits: Sequence[ReviewedCommit], approved: Mapping[str, Sequence[str]] | None = None
) -> tuple[Unreviewed, ...]:
    """Commits of a range that only their author saw; merges themselves change nothing. approved: who approved each
    commit, according to its code host."""
    merged = _merged(commits)
    found = []
    for commit in commits:
        if len(commit.parents) > 1:
            continue
        others = {who.lower() for who in _TRAILER.findall(commit.message)} | set((approved or {}).get(commit.id, ()))
        others |= merged.get(commit.id, set())
        if others - {commit.author}:
            continue
        found.append(Unreviewed(commit, _why(commit, others)))
    return tuple(found)


def _why(commit: ReviewedCommit, others: set[str]) -> str:
    if others:
        return f"was reviewed only by {commit.author}, its author"
    if squashed := _SQUASHED.search(commit.subject):
        return f"is the squashed request {squashed[1]}, whose reviews only the code host knows"
    return "has no review: no review trailer, and its author merged it"


def _merged(commits: Sequence[ReviewedCommit]) -> dict[str, set[str]]:
    """ReviewedCommit → who merged the request it came with."""
    known = {commit.id: commit for commit in commits}
    found: dict[str, set[str]] = {}
    for merge in commits:
        if len(merge.parents) < 2 or not _REQUEST.search(merge.message):
            continue
        mainline = _reachable(merge.parents[:1], known)
        for identity in _reachable(merge.parents[1:], known) - mainline:
            found.setdefault(identity, set()).add(merge.author)
    return found


def _reachable(starts: Sequence[str], known: Mapping[str, ReviewedCommit]) -> set[str]:
    found: set[str] = set()
    left = list(starts)
    while left:
        identity = left.pop()
        if identity in known and identity not in found:
            found.add(identity)
            left += known[identity].parents
    return found
