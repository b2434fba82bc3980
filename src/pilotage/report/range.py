"""From the commits of a range to what is left of it: merges speak once, reverts cancel, copies count once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

from pilotage.model.commit import Commit
from pilotage.report.commit_words import Kind
from pilotage.report.commits import LABELLED, SURE, Change, classify, most_notable
from pilotage.report.merges import reference, request_of
from pilotage.report.people import names_of, shown
from pilotage.report.reverts import without_reverts


def changes_of(commits: Sequence[Commit], touching: Set[str] | None = None) -> tuple[Change, ...]:
    """commits: of the range, newest first, children before their parents. Returns the remaining ones, newest first.

    A merge that describes its content stands for its commits; others only join histories. A revert of something in the
    range cancels it, and is cancelled by its own revert; a revert of something older is a change. touching: ids of the
    commits that count, such as those of one package; None for all.
    """
    known = {commit.id: commit for commit in commits}
    place = {commit.id: number for number, commit in enumerate(commits)}
    with_mainline = _with_mainline(commits, known)
    spoken: set[str] = set()
    found: list[Change] = []
    for commit in commits:
        if commit.id in spoken:
            continue
        if len(commit.parents) < 2:
            if touching is None or commit.id in touching:
                found.append(classify(commit))
        elif request_of(commit).speaks:
            brought = with_mainline.get(commit.id)
            brought = (brought_by(commit, known) if brought is None else brought) - spoken
            spoken |= brought
            ours = brought if touching is None else brought & touching
            if ours or touching is None:
                found += _of_merge(commit, [known[identity] for identity in sorted(ours, key=place.__getitem__)])
    names = names_of(commits)
    left = [replace(change, authors=shown(change.authors, names)) for change in without_reverts(found, known)]
    return _without_copies(left)


_SILENT = frozenset({Kind.INTERNAL, Kind.DOCS, Kind.DEPENDENCY})


def _of_merge(merge: Commit, brought: Sequence[Commit]) -> Iterator[Change]:
    """The merge speaks for its commits; where it calls itself internal, those that are not speak for themselves."""
    said = _spoken_for(merge, brought)
    loud: list[Change] = []
    if said.kind in _SILENT and len(brought) > 1:
        parts = (classify(commit) for commit in brought if len(commit.parents) < 2)
        loud = [part for part in parts if part.kind not in _SILENT and part.sure >= LABELLED and not part.reverts]
    apart = {part.id for part in loud}
    yield replace(said, covers=tuple(identity for identity in said.covers if identity not in apart))
    yield from loud


def _with_mainline(commits: Sequence[Commit], known: Mapping[str, Commit]) -> dict[str, set[str]]:
    """What each merge on the line of first parents brought, in one pass over the range, oldest merge first."""
    line, at = [], commits[0].id if commits else ""
    while at in known:
        line.append(known[at])
        at = known[at].parents[0] if known[at].parents else ""
    there: set[str] = set()
    brought: dict[str, set[str]] = {}
    for commit in reversed(line):
        brought[commit.id] = _reached(commit.parents[1:], known, there)
        there |= brought[commit.id] | {commit.id}
    return brought


def brought_by(merge: Commit, known: Mapping[str, Commit]) -> set[str]:
    """The commits of the range that came with this merge: reached from its other parents and not from its first."""
    return _reached(merge.parents[1:], known, _reached(merge.parents[:1], known, set()))


def _reached(starts: Sequence[str], known: Mapping[str, Commit], without: set[str]) -> set[str]:
    found: set[str] = set()
    left = list(starts)
    while left:
        identity = left.pop()
        if identity in known and identity not in found and identity not in without:
            found.add(identity)
            left += known[identity].parents
    return found


def _spoken_for(merge: Commit, brought: Sequence[Commit]) -> Change:
    """What a merge says, with what only its commits say: who wrote them, what breaks, what kind they all are."""
    said = classify(merge)
    parts = [classify(commit) for commit in brought if len(commit.parents) < 2]
    kinds = {part.kind for part in parts}
    files = tuple(path for commit in brought for path in commit.files)
    if files and said.sure < 0.85:
        # A merge itself touches nothing; the files of what it brings can tell docs and tests from the rest.
        again = classify(replace(merge, files=files))
        said = again if again.sure > said.sure else said
    if said.sure < 0.85 and len(kinds) == 1 and all(part.sure >= 0.85 for part in parts):
        said = replace(said, kind=kinds.pop(), sure=0.85, why="all of its commits")
    typed = most_notable([part.kind for part in parts if part.sure >= LABELLED])
    if said.sure < SURE and typed is not None:
        said = replace(said, kind=typed, sure=0.85, why="its commits")
    breaking = said.breaking or next((part.breaking for part in parts if part.breaking), None)
    writers = dict.fromkeys(name for part in parts for name in part.authors)
    issues = dict.fromkeys((*said.issues, *(issue for part in parts for issue in part.issues)))
    return replace(
        said, breaking=breaking, authors=tuple(writers) or said.authors,
        issues=tuple(i for i in issues if i != reference(said.request))[:10], covers=tuple(c.id for c in brought),
        may_break=breaking is None and (said.may_break or any(part.may_break for part in parts)),
        release_as=said.release_as or next((part.release_as for part in parts if part.release_as), ""),
    )  # fmt: skip


def _without_copies(found: Sequence[Change]) -> tuple[Change, ...]:
    """The same sentence by the same people twice is one change, cherry-picked to two branches."""
    kept: dict[tuple[str, str, tuple[str, ...]], Change] = {}
    for change in found:
        key = (change.scope, change.summary, change.authors)
        first = kept.setdefault(key, change)
        if first is not change:
            kept[key] = replace(first, covers=(*first.covers, change.id, *change.covers))
    return tuple(kept.values())
