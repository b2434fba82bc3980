"""Reads a range of changes as the risk model takes them: with the year before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pilotage.adapters.git import Git
from pilotage.model.change import Change, FileKind
from pilotage.model.file_kind import kind_of
from pilotage.risk.features import YEAR, History, features_of, remembered
from pilotage.risk.labels import Labelled, label
from pilotage.risk.measured import Measured, touches_source
from pilotage.risk.people import NOTHING_KNOWN, known_of
from pilotage.risk.persons import named_alike


def measure(git: Git, first: str, changes: Sequence[Change], *, with_people: bool = True) -> list[Measured]:
    """The measures of each change after the commit `first`, oldest first. with_people: also what is known of each
    author, which takes another reading where branches are merged."""
    past = list(git.year_before(first, YEAR))
    history, lengths = _history(past), _lengths(git, first, changes)
    everybody = None
    if with_people:
        if any(one.parents[1:] for one in past):
            past = list(git.everybody_before(first, YEAR))
        alike = named_alike([*past, *changes])
        everybody, changes = _history(alike[: len(past)]), alike[len(past) :]
    found = list[Measured]()
    for change in changes:
        source = touches_source(change)
        known = known_of(change, everybody) if everybody else NOTHING_KNOWN
        found.append(
            Measured(change=change, measures=features_of(change, history, lengths), source=source, known=known)
        )
        for file in change.files:
            lengths[file.path] = max(0, lengths.get(file.before, 0) + file.added - file.deleted)
        history.follow(change)
        if everybody:
            everybody.follow(change)
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
    return _history(git.year_before(commit, YEAR))


def _history(past: Iterable[Change]) -> History:
    history = History()
    for one in past:
        history.add(remembered(one))
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
