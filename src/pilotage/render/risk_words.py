"""The risk of a change in words, the same in plans, comments and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pilotage.model.risk import Assessment, ChangeRisk, FactorRisk, Finding

NOT_SCORED = "–"
CONTEXT = f"{NOT_SCORED} not scored: who wrote a change, and when, foretold no repairs in our tests."
_LONGEST_PATH = 60


def level_word(factor: FactorRisk) -> str:
    return factor.level if factor.scored else NOT_SCORED


def actions(found: Assessment) -> Iterator[str]:
    """Each finding that a person can act on, most harmful first, then what reduces the risk."""
    for one in found.actions:
        place, link = (f" ({one.place})" if one.place else ""), (f" {one.link}" if one.link else "")
        yield f"{one.level}: {one.sentence}{place}{link}"
    yield from (f"To reduce it: {cure}" for cure in found.mitigations)


def by_cure(found: Assessment) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Neighbouring findings that one action answers, with that action."""
    for cure, findings in groupby(found.actions, key=lambda one: one.mitigation):
        yield cure, tuple(findings)


def reading(found: Assessment) -> Iterator[str]:
    """`Read first: 3f2a9c1d90 Add billing, 84 lines in src/billing/pay.py and 2 more files`."""
    yield from (f"Read first: {one.commit[:10]} {one.subject[:80]}, {where(one)}" for one in found.read_first)


def where(change: ChangeRisk) -> str:
    """`84 lines in src/billing/pay.py and 2 more files`."""
    lines = f"{change.lines:,} line{'s' * (change.lines != 1)}"
    if not change.paths:
        return lines
    left = change.files - 1
    more = f" and {left} more file{'s' * (left != 1)}" if left else ""
    return f"{lines} in {shortened(change.paths[0])}{more}"


def shortened(path: str) -> str:
    """A long path with its first folder and as many of its last parts as have room: `saleor/…/mutations/create.py`."""
    if len(path) <= _LONGEST_PATH:
        return path
    first, *folders, name = path.split("/")
    kept = name
    for folder in reversed(folders):
        if len(first) + len(folder) + len(kept) + 4 > _LONGEST_PATH:
            break
        kept = f"{folder}/{kept}"
    return f"{first}/…/{kept}"
