"""From the commits of a range to what is left of it: merges speak once, reverts cancel, copies count once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilotage.model.commit import Commit
from pilotage.report.commits import Change, classify, speaks, title_of


def changes_of(commits: Sequence[Commit]) -> tuple[Change, ...]:
    """commits: of the range, newest first, children before their parents. Returns what is left, newest first.

    A merge that says what it brings speaks for the commits it brought; others only join histories. A revert of
    something in the range cancels it, and is cancelled by its own revert; one of something older is a change.
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
            found.append(classify(commit))
        elif speaks(commit):
            brought = with_mainline.get(commit.id)
            brought = (brought_by(commit, known) if brought is None else brought) - spoken
            spoken |= brought
            found.append(_spoken_for(commit, [known[identity] for identity in sorted(brought, key=place.__getitem__)]))
    return _without_copies(_without_reverts(found, known))


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
    breaking = said.breaking or next((part.breaking for part in parts if part.breaking), None)
    writers = dict.fromkeys(name for part in parts for name in part.authors)
    issues = dict.fromkeys((*said.issues, *(issue for part in parts for issue in part.issues)))
    return replace(
        said, breaking=breaking, authors=tuple(writers) or said.authors,
        issues=tuple(i for i in issues if i != f"#{said.request}")[:10], covers=tuple(c.id for c in brought),
        may_break=breaking is None and (said.may_break or any(part.may_break for part in parts)),
        release_as=said.release_as or next((part.release_as for part in parts if part.release_as), ""),
    )  # fmt: skip


def _without_reverts(found: Sequence[Change], known: Mapping[str, Commit]) -> list[Change]:
    """Oldest first: a revert takes what it names away, and a revert of that revert brings it back. Where what it names
    is in the range, the revert itself is no news."""
    standing: dict[str, bool] = {}
    targets: dict[str, str] = {}
    subjects: dict[str, str] = {}
    owners = {covered: change.id for change in found for covered in change.covers}

    def turn(identity: str, on: bool) -> None:
        if identity in targets:
            turn(targets[identity], not on)
        else:
            standing[identity] = on

    for change in reversed(found):
        target = _target(change, standing, subjects, owners)
        standing[change.id] = target is None
        if target is not None:
            targets[change.id] = target
            turn(target, on=False)
        subjects[title_of(known[change.id])] = change.id
    return [change for change in found if standing[change.id]]


def _target(
    change: Change, standing: Mapping[str, bool], subjects: Mapping[str, str], owners: Mapping[str, str]
) -> str | None:
    """The change of the range that this one reverts."""
    if not change.reverts:
        return None
    for identity in (*standing, *owners):
        if identity.startswith(change.reverts):
            return owners.get(identity, identity)
    return subjects.get(change.reverts)


def _without_copies(found: Sequence[Change]) -> tuple[Change, ...]:
    """The same sentence by the same people twice is one change, picked to two branches."""
    kept: dict[tuple[str, str, tuple[str, ...]], Change] = {}
    for change in found:
        key = (change.scope, change.summary, change.authors)
        first = kept.setdefault(key, change)
        if first is not change:
            kept[key] = replace(first, covers=(*first.covers, change.id, *change.covers))
    return tuple(kept.values())
