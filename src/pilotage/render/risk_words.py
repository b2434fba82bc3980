"""The risk of a change in words, the same in plans, comments and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pilotage.model.risk import Assessment, ChangeRisk, FactorRisk, Finding
from pilotage.model.text import line, plain
from pilotage.model.wording import counted

NOT_SCORED = "–"
CONTEXT = f"{NOT_SCORED} not scored: who wrote a change, and when, foretold no repairs in our tests."
_LONGEST_PATH = 60
_LONGEST = 4000


def level_word(factor: FactorRisk) -> str:
    return factor.level if factor.scored else NOT_SCORED


def actions(found: Assessment) -> Iterator[str]:
    """Each finding that a person can act on, most harmful first, and after each group what reduces its risk."""
    for cure, findings in by_cure(found):
        yield from (f"{one.level}: {one.in_place}{f' {one.link}' if one.link else ''}" for one in findings)
        yield f"To reduce it: {cure}"


def doubt(found: Assessment) -> tuple[str, ...]:
    """Empty where nothing tells that other commits were assessed than those of the release."""
    return (f"These are not the commits of this release: {found.doubt}.",) if found.doubt else ()


def most_harmful(found: Assessment) -> tuple[str, ...]:
    """`Act on this first: drops table orders (db/migrations/2.sql).`; empty where nothing can do much harm."""
    return (f"Act on this first: {found.worst.in_place}.",) if found.worst else ()


def by_cure(found: Assessment) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Neighbouring findings that one action answers, with that action."""
    for cure, findings in groupby(found.actions, key=lambda one: one.mitigation):
        yield cure, tuple(findings)


def reading(found: Assessment) -> Iterator[str]:
    """`Read first: 3f2a9c1d90 Add billing, 84 lines in src/billing/pay.py and 2 more files`."""
    yield from (f"Read first: {one.commit[:10]} {plain(one.subject, 80)}, {where(one)}" for one in found.read_first)


def where(change: ChangeRisk) -> str:
    """`84 lines in src/billing/pay.py and 2 more files`."""
    lines = counted(change.lines, "line")
    if not change.paths:
        return lines
    left = change.files - 1
    more = f" and {counted(left, 'more file')}" if left else ""
    return f"{lines} in {shortened(line(change.paths[0], _LONGEST))}{more}"


def shortened(path: str, most: int = _LONGEST_PATH) -> str:
    """A long path with its first folder and as many of its last parts as have room: `saleor/…/mutations/create.py`."""
    if len(path) <= most:
        return path
    first, *folders, name = path.split("/")
    kept = name
    for folder in reversed(folders):
        if len(first) + len(folder) + len(kept) + 4 > most:
            break
        kept = f"{folder}/{kept}"
    return f"{first}/…/{kept}"
