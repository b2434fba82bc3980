"""Reads a range of changes as the risk model takes them: with the year before it, and what is usual here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.adapters.git import Git
from pilotage.model.change import Change, FileKind
from pilotage.model.file_kind import kind_of
from pilotage.risk.features import YEAR, History, features_of, remembered
from pilotage.risk.labels import Labelled, label
from pilotage.risk.measured import WINDOW, Measured, Ranks, touches_source
from pilotage.risk.people import known_of

_BEFORE = WINDOW * 3 // 2
"""Changes read before a range, for its ranks: two of three touch source, as a rule."""


@dataclass(frozen=True, kw_only=True)
class _Range:
    """changes: oldest first · history: the year before them · lengths: of each source file that they touch, then."""

    changes: tuple[Change, ...]
    history: History
    lengths: dict[str, int]


def measure(git: Git, first: str, changes: Sequence[Change]) -> list[Measured]:
    """The measures of each change after the commit `first`, oldest first, ranked among those before it."""
    past = _read(git, _earlier(git, first, _BEFORE), first)
    history, ranks = past.history, Ranks()
    _measured(past.changes, history, past.lengths, ranks)
    return _measured(changes, history, _lengths(git, first, changes), ranks)


def label_newest(git: Git, last: str, count: int, harmed: frozenset[str] = frozenset()) -> list[Labelled]:
    """The newest changes up to `last`, measured and labelled by what came after them. harmed: commits known to have
    done harm from elsewhere."""
    found = _read(git, _earlier(git, last, count), last)
    return label(found.changes, harmed=harmed, history=found.history, lengths=found.lengths)


def _measured(changes: Sequence[Change], history: History, lengths: dict[str, int], ranks: Ranks) -> list[Measured]:
    found = []
    for change in changes:
        measures, source = features_of(change, history, lengths), touches_source(change)
        found.append(Measured(change, measures, ranks.of(measures), source, known_of(change, history)))
        if source:
            ranks.add(measures)
        for file in change.files:
            lengths[file.path] = max(0, lengths.get(file.before, 0) + file.added - file.deleted)
        history.follow(change)
    return found


def _read(git: Git, first: str | None, last: str) -> _Range:
    """first: None for the beginning of the repository."""
    history = History()
    if first is None:
        return _Range(changes=tuple(git.changes([last])), history=history, lengths={})
    for past in git.year_before(first, YEAR):
        history.add(remembered(past))
    changes = tuple(git.changes([f"{first}..{last}"]))
    return _Range(changes=changes, history=history, lengths=_lengths(git, first, changes))


def _earlier(git: Git, commit: str, count: int) -> str | None:
    """The commit so many changes before; None where there are not as many."""
    named = ("--first-parent", f"--skip={count}", "--max-count=1", commit, "--", *git.scope.paths.pathspecs)
    return git.run("rev-list", *named).strip() or None


def _lengths(git: Git, first: str, changes: Sequence[Change]) -> dict[str, int]:
    paths = {f.before for c in changes for f in c.files if f.before and kind_of(f.before) is FileKind.SOURCE}
    ordered = sorted(paths)
    contents = git.contents([f"{first}:{path}" for path in ordered])
    return {path: text.count(b"\n") for path, text in zip(ordered, contents, strict=True) if text is not None}
