"""Reads a range of changes as the risk model takes them: with the year before it."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.adapters.git import Git
from pilotage.model.change import Change, FileKind
from pilotage.model.file_kind import kind_of
from pilotage.risk.features import YEAR, History, features_of, remembered
from pilotage.risk.labels import Labelled, label
from pilotage.risk.measured import Measured, touches_source
from pilotage.risk.people import known_of


def measure(git: Git, first: str, changes: Sequence[Change]) -> list[Measured]:
    """The measures of each change after the commit `first`, oldest first."""
    history, lengths, found = _year_before(git, first), _lengths(git, first, changes), []
    for change in changes:
        known, source = known_of(change, history), touches_source(change)
        measures = features_of(change, history, lengths)
        found.append(Measured(change=change, measures=measures, source=source, known=known))
        for file in change.files:
            lengths[file.path] = max(0, lengths.get(file.before, 0) + file.added - file.deleted)
        history.follow(change)
    return found


def label_newest(git: Git, last: str, count: int, harmed: frozenset[str] = frozenset()) -> list[Labelled]:
    """The newest changes up to `last`, measured and labelled by what came after them. harmed: commits known to have
    done harm from elsewhere."""
    first = _earlier(git, last, count)
    if first is None:
        return label(git.changes([last]), harmed=harmed)
    changes = tuple(git.changes([f"{first}..{last}"]))
    return label(changes, harmed=harmed, history=_year_before(git, first), lengths=_lengths(git, first, changes))


def _year_before(git: Git, commit: str) -> History:
    history = History()
    for past in git.year_before(commit, YEAR):
        history.add(remembered(past))
    return history


def _earlier(git: Git, commit: str, count: int) -> str | None:
    """The commit so many changes before; None where there are not as many."""
    named = ("--first-parent", f"--skip={count}", "--max-count=1", commit, "--", *git.scope.paths.pathspecs)
    return git.run("rev-list", *named).strip() or None


def _lengths(git: Git, first: str, changes: Sequence[Change]) -> dict[str, int]:
    paths = {f.before for c in changes for f in c.files if f.before and kind_of(f.before) is FileKind.SOURCE}
    ordered = sorted(paths)
    contents = git.contents([f"{first}:{path}" for path in ordered])
    return {path: text.count(b"\n") for path, text in zip(ordered, contents, strict=True) if text is not None}
