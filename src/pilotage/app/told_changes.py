"""What the commits of a range say that they change, as release notes and the risk of a release read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pilotage.adapters.git import Git
from pilotage.model.commit import Commit
from pilotage.report.commits import Change
from pilotage.report.range import changes_of


@dataclass(frozen=True)
class Told:
    """commits: all of the range, newest first · touching: ids of those that count, None for all."""

    commits: tuple[Commit, ...]
    touching: frozenset[str] | None

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        return tuple(changes_of(self.commits, self.touching))


def told_between(git: Git, first: str, last: str, paths: Sequence[str] = ()) -> Told:
    """The commits after `first` up to `last`; all where `first` is empty. Raises AdapterError."""
    revisions = [f"{git.commit(first)}..{git.commit(last)}"] if first else [git.commit(last)]
    git.see_whole(revisions, f"{first}..{last}" if first else f"everything up to {last}")
    commits = git.told(revisions)
    mine = paths or git.scope.paths.pathspecs
    touching = git.touching(revisions, mine) if mine else None
    if first and (picked := git.picked(first, last)):  # what came out with a version of another branch is no news
        touching = (touching or frozenset(commit.id for commit in commits)) - picked
    return Told(commits, touching)
