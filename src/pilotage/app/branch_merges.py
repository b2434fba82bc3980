"""Looks into merges of whole branches: a merge that brings 40 changes counts as these, not as one giant change.

A merged pull request stays one change: that is what the risk model learned from. A merge of a release branch, of
`develop` or of a fork brings many of them (docs/decisions/0133-a-merged-branch-counts-as-its-changes.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.git import Git
from pilotage.model.change import Change

_MOST_COMMITS = 30
"""A branch of more commits is no pull request that someone reviewed in one piece."""
_DEEPEST = 4


@dataclass(frozen=True)
class LookedInto:
    """changes: those of the range, oldest first, each looked-into merge replaced by its parts · notes: a sentence for
    each such merge."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def looked_into(git: Git, first: str, last: str) -> LookedInto:
    """The changes from `first` (without it) to `last`. Raises AdapterError."""
    changes = list(git.changes([f"{first}..{last}"]))
    if not any(change.parents[1:] for change in changes):
        return LookedInto(tuple(changes), ())
    parents = _parents(git, first, last)
    notes: list[str] = []
    return LookedInto(tuple(_opened(git, changes, parents, _DEEPEST, notes)), tuple(notes))


def _parents(git: Git, first: str, last: str) -> Mapping[str, tuple[str, ...]]:
    lines = (line.split() for line in git.run("rev-list", "--parents", f"{first}..{last}").splitlines())
    return {identity: tuple(parents) for identity, *parents in lines}


def _opened(
    git: Git, changes: Sequence[Change], parents: Mapping[str, tuple[str, ...]], depth: int, notes: list[str]
) -> Iterator[Change]:
    merges = {change.commit for change in changes if change.parents[1:]}
    brought = _brought([change.commit for change in changes], merges, parents)
    for change in changes:
        inner = brought.get(change.commit, frozenset())
        if not depth or not _is_branch(inner, parents):
            yield change
            continue
        one, *others = change.parents
        parts = [part for other in others for part in git.changes([other, f"^{one}"])]
        notes.append(f"{change.commit[:10]} ({change.subject[:60]}) counts as the {len(parts)} changes that it merges")
        yield from _opened(git, parts, parents, depth - 1, notes)


def _brought(
    chain: Sequence[str], merges: set[str], parents: Mapping[str, tuple[str, ...]]
) -> dict[str, frozenset[str]]:
    """Which commits each merge brings that its first parent did not have. chain: oldest first."""
    seen, found = set(chain), dict[str, frozenset[str]]()
    for commit in chain:
        if commit not in merges:
            continue
        mine, left = set[str](), list(parents.get(commit, ())[1:])
        while left:
            one = left.pop()
            if one in parents and one not in seen:
                seen.add(one)
                mine.add(one)
                left += parents[one]
        found[commit] = frozenset(mine)
    return found


def _is_branch(brought: frozenset[str], parents: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether it holds merged branches of its own, or is too long for one. Merges of the trunk into the branch bring
    nothing."""
    merged = sum(any(other in brought for other in parents[one][1:]) for one in brought)
    return merged > 1 or len(brought) > _MOST_COMMITS
