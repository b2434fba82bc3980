"""Keeps commits out of a release after its feature freeze, for a pre-receive hook or a required check (R9).

Bound are scheduled releases that people track and that have a development phase. Hotfixes never freeze, and a commit
whose message says `Emergency: REASON` may enter any release.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from pilotage.adapters.git import Git
from pilotage.app.activities import CONTINUOUS, all_tracked, today_of
from pilotage.app.project import Project, Unclear
from pilotage.model.activity import ItemState, MetBy, TrackedRelease
from pilotage.model.answers import ReleaseFrequency
from pilotage.plan.activities import DEVELOPMENT, FEATURE_FREEZE
from pilotage.report.frozen import emergency_of, why_not

_BRANCH = "refs/heads/"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A commit that may not enter. why: completes "it …"."""

    commit: str
    subject: str
    why: str


@dataclass(frozen=True, kw_only=True)
class FreezeCheck:
    """frozen: a sentence for each release that is frozen; none, and everything may enter · let_in: a sentence for each
    commit that an emergency lets in."""

    frozen: tuple[str, ...]
    refused: tuple[Refused, ...]
    let_in: tuple[str, ...]
    commits: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Push:
    """One line of a pre-receive hook: what a reference was, is to be, and is called."""

    old: str
    new: str
    ref: str

    @property
    def creates(self) -> bool:
        return not self.old.strip("0")

    @property
    def deletes(self) -> bool:
        return not self.new.strip("0")


def pushes_of(text: str) -> tuple[Push, ...]:
    """The lines that git gives a pre-receive hook. Raises Unclear."""
    found = []
    for line in text.splitlines():
        parts = line.split(" ", 2)
        if len(parts) != 3:
            raise Unclear(f"{line!r} is not a line of a pre-receive hook: OLD NEW REF")
        found.append(Push(old=parts[0], new=parts[1], ref=parts[2]))
    return tuple(found)


def check_range(project: Project, place: Path, first: str, last: str, environment: str | None) -> FreezeCheck:
    """Whether the commits of the repository at `place` after `first` up to `last` may enter. Raises AdapterError."""
    git = Git(place)
    return _check(project, git, lambda: [[f"{git.commit(first)}..{git.commit(last)}"]], environment)


def check_pushes(project: Project, place: Path, pushes: Sequence[Push], environment: str | None) -> FreezeCheck:
    """The same for what a push brings to branches that a freeze closes. Raises AdapterError."""
    closed = project.loaded.configuration.phases.freeze_branches
    ranges = []
    for push in pushes:
        name = push.ref.removeprefix(_BRANCH)
        if push.deletes or name == push.ref or (closed and not any(fnmatchcase(name, one) for one in closed)):
            continue
        ranges.append([push.new, "--not", "--all"] if push.creates else [f"{push.old}..{push.new}"])
    return _check(project, Git(place), lambda: ranges, environment)


def _check(
    project: Project, git: Git, ranges: Callable[[], Sequence[Sequence[str]]], environment: str | None
) -> FreezeCheck:
    """ranges: asked for only if a release is frozen."""
    if project.loaded.configuration.answers.release_frequency is ReleaseFrequency.CONTINUOUS:
        return FreezeCheck(frozen=(), refused=(), let_in=(), commits=0, note=f"no feature freeze: {CONTINUOUS}")
    frozen = tuple(words for one in all_tracked(project, environment) if (words := _frozen(project, one)))
    if not frozen:
        return FreezeCheck(frozen=(), refused=(), let_in=(), commits=0, note="no tracked release is frozen")
    # A merge brings nothing that is not in the range as a commit of its own.
    every = {commit.id: commit for revisions in ranges() for commit in git.told(revisions) if len(commit.parents) < 2}
    allowed = project.loaded.configuration.phases.freeze_allows
    refused, let_in = [], []
    for commit in every.values():
        because = why_not(commit, allowed)
        if because and (emergency := emergency_of(commit)):
            let_in.append(f"{commit.id[:8]} {commit.subject}: emergency, {emergency}")
        elif because:
            refused.append(Refused(commit=commit.id[:8], subject=commit.subject, why=because))
    return FreezeCheck(frozen=frozen, refused=tuple(refused), let_in=tuple(let_in), commits=len(every))


def _frozen(project: Project, release: TrackedRelease) -> str:
    """That a release is frozen and since when; empty where it is not."""
    item = release.item(FEATURE_FREEZE)
    if item is None or release.completed or release.emergency or item.phase != DEVELOPMENT:
        return ""
    by_person = item.met_by is MetBy.PERSON
    if by_person and item.state is ItemState.OPEN:
        return ""
    if by_person:
        since = datetime.fromtimestamp(item.at, UTC).date().isoformat() if item.at else item.due
        return f"{release.version} is frozen since {since}, by {item.actor or item.owner}: {item.note}"
    return f"{release.version} is frozen since {item.due}" if item.due <= today_of(project, release).isoformat() else ""
