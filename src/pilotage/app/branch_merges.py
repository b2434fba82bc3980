"""Looks into merges of whole branches: a merge that brings 40 changes counts as these, not as one giant change.

A merged pull request stays one change: that is what the risk model learned from. A merge of a release branch, of
`develop` or of a fork brings many of them (docs/decisions/0133-a-merged-branch-counts-as-its-changes.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.git import Git
from pilotage.model.change import Change
from pilotage.model.text import plain
from pilotage.model.wording import counted

_MOST_COMMITS, _MOST_AUTHORS = 30, 2
"""A branch of more commits, or of more people, is no pull request that was reviewed in one piece."""
_DEEPEST = 4


@dataclass(frozen=True)
class LookedInto:
    """changes: those of the range, oldest first, each looked-into merge replaced by its parts · notes: a sentence
    about these merges."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def looked_into(git: Git, first: str, last: str) -> LookedInto:
    """The changes from `first` (without it) to `last`. Raises AdapterError."""
    changes = list(git.changes([f"{first}..{last}"]))
    if not any(change.parents[1:] for change in changes):
        return LookedInto(tuple(changes), ())
    graph = graph_of(git, first, last)
    merges: list[tuple[int, Change]] = []
    opened = tuple(_opened(git, changes, graph, _DEEPEST, merges, f"{first}..{last}"))
    return LookedInto(opened, _notes(merges))


def _notes(merges: Sequence[tuple[int, Change]]) -> tuple[str, ...]:
    if not merges:
        return ()
    count, merge = max(merges, key=lambda pair: pair[0])
    words = f"{merge.commit[:10]} ({plain(merge.subject, 60)}) counts as the {count} changes that it merges"
    if others := len(merges) - 1:
        words += f", and so do{'es' * (others == 1)} {counted(others, 'other merge')} of whole branches"
    return (words,)


@dataclass(frozen=True)
class Knot:
    """A commit in the graph of a range."""

    author: str
    parents: tuple[str, ...]
    subject: str


Graph = Mapping[str, Knot]


def graph_of(git: Git, first: str, last: str) -> Graph:
    """All commits of a range by their ids. Raises AdapterError."""
    form = "--format=%H%x00%P%x00%aE%x00%s"
    lines = (line.split("\0", 3) for line in git.run("log", form, f"{first}..{last}", "--").split("\n") if line)
    return {identity: Knot(author, tuple(parents.split()), said) for identity, parents, author, said in lines}


def _opened(
    git: Git, changes: Sequence[Change], graph: Graph, depth: int, merges: list[tuple[int, Change]], whole: str
) -> Iterator[Change]:
    """merges: takes each one that is looked into, with the number of its parts · whole: the range."""
    brought = brought_by([change.commit for change in changes], graph)
    for change in changes:
        if not depth or not _is_branch(brought.get(change.commit, frozenset()), graph):
            yield change
            continue
        one, *others = change.parents
        parts = [part for other in others for part in git.changes([other, f"^{one}"], within=[whole])]
        if len(parts) < 2:
            yield change
            continue
        merges.append((len(parts), change))
        yield from _opened(git, parts, graph, depth - 1, merges, whole)


def brought_by(chain: Sequence[str], graph: Graph) -> dict[str, frozenset[str]]:
    """Which commits each merge brings that its first parent did not have. chain: oldest first."""
    seen, found = set(chain), dict[str, frozenset[str]]()
    for commit in chain:
        left = list(graph[commit].parents[1:]) if commit in graph else []
        mine = set[str]()
        while left:
            one = left.pop()
            if one in graph and one not in seen:
                seen.add(one)
                mine.add(one)
                left += graph[one].parents
        if mine:
            found[commit] = frozenset(mine)
    return found


def _is_branch(brought: frozenset[str], graph: Graph) -> bool:
    """Whether it holds merged branches of its own, or the work of several people, or is too long for one. Merges of the
    trunk into the branch bring nothing."""
    merged = sum(any(other in brought for other in graph[one].parents[1:]) for one in brought)
    authors = {graph[one].author for one in brought if not graph[one].parents[1:]}
    return merged > 1 or len(brought) > _MOST_COMMITS or len(authors) > _MOST_AUTHORS
