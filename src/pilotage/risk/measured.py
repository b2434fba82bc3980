"""A change with its measures."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.change import Change, FileKind
from pilotage.risk.features import FEATURES
from pilotage.risk.people import NOTHING_KNOWN, Known


@dataclass(frozen=True, kw_only=True)
class Measured:
    """measures: in the order of FEATURES · source: whether it changes a line of source · known: what the year before
    says about its author and files."""

    change: Change
    measures: tuple[float, ...]
    source: bool = True
    known: Known = NOTHING_KNOWN

    def of(self, name: str) -> float:
        return self.measures[FEATURES.index(name)]


def touches_source(change: Change) -> bool:
    """Whether a line of source is added or deleted: a file that only moved is as it was."""
    return any((f.worth or f.lost) and f.kind is FileKind.SOURCE for f in change.files)
