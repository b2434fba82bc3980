"""Who knows the changed files: context for a reader, and whom to ask or to have at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.model.change import Change
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.sizes import lines_of, to_read

if TYPE_CHECKING:
    from pilotage.risk.features import History

_LEAST_LINES, _LEAST_SHARE = 50, 0.2
_LEAST_PEOPLE = 3
"""Where fewer people work, everyone knows who knows what."""
_LEAST_CHANGES = 3
"""Changes in a year that make an owner of someone."""


@dataclass(frozen=True)
class Known:
    """What the year before a change says about its author and files. newcomer: the author changed nothing here ·
    strange: the author changed none of these files · owners: files that one person alone changed, several times, with
    that person · people: how many changed anything."""

    newcomer: bool = False
    strange: bool = False
    owners: tuple[tuple[str, str], ...] = ()
    people: int = 0


NOTHING_KNOWN = Known()


def known_of(change: Change, history: History) -> Known:
    files = to_read(change)
    pasts = {file.path: history.of(file.before or file.path) for file in files}
    authors = {path: [who for who, times in past.authors.items() if times > 0] for path, past in pasts.items()}
    owners = tuple(
        (path, who[0]) for path, who in authors.items() if len(who) == 1 and pasts[path].changes >= _LEAST_CHANGES
    )
    touched = [who for who in authors.values() if who]
    newcomer = history.experience(change.author) == 0
    strange = bool(touched) and not newcomer and not any(change.author in who for who in touched)
    return Known(newcomer, strange, owners, history.people)


def in_words(changes: Sequence[tuple[Change, Known]]) -> str:
    """Empty where nobody is new to anything."""
    people = [(change, known) for change, known in changes if not is_bot(change.author)]
    new = sorted({person(change.author) for change, known in people if known.newcomer})
    strange = sorted({person(change.author) for change, known in people if known.strange} - set(new))
    words = []
    if new:
        words.append(f"{_some(new)} changed nothing here in the year before")
    if strange:
        words.append(f"{_some(strange)} changed files that they had not touched for a year")
    return "; ".join(words)


def findings_of(changes: Sequence[tuple[Change, Known]]) -> list[Finding]:
    """Files that only one person knows, most changed lines first, at most two people."""
    total = sum(lines_of(file) for change, _ in changes for file in to_read(change))
    if max((known.people for _, known in changes), default=0) < _LEAST_PEOPLE:
        return []
    owner_of: dict[str, str] = {}
    lines: dict[str, dict[str, int]] = {}
    writers: dict[str, set[str]] = {}
    seen: set[str] = set()
    for change, known in changes:
        owner_of |= {path: owner for path, owner in known.owners if path not in seen and not is_bot(owner)}
        for file in to_read(change):
            seen.add(file.path)
            if owner := owner_of.get(file.path):
                mine = lines.setdefault(owner, {})
                mine[file.path] = mine.get(file.path, 0) + lines_of(file)
                writers.setdefault(owner, set()).add(change.author)
    found = []
    for owner, files in sorted(lines.items(), key=lambda item: -sum(item[1].values()))[:2]:
        if sum(files.values()) >= max(_LEAST_LINES, _LEAST_SHARE * total):
            found.append(_owned(owner, files, writers[owner]))
    return found


def _owned(owner: str, files: dict[str, int], writers: set[str]) -> Finding:
    who, first = person(owner), max(files, key=lambda path: files[path])
    what = "this file" if len(files) == 1 else f"these {len(files)} files"
    others = sorted({person(one) for one in writers - {owner} if not is_bot(one)} - {who})
    words = f"only {who} had changed {what} in the year before"
    cure = f"have {who} at hand during the rollout"
    if others:
        words += f", now {_some(others)} did"
        cure = f"have {who} review {'it' if len(files) == 1 else 'them'}, or {cure.removeprefix('have ')}"
    place = first if len(files) == 1 else f"{first} and {len(files) - 1} more"
    return Finding(RiskFactor.EXPERIENCE, RiskLevel.LOW, words, place, cure)


def is_bot(address: str) -> bool:
    return bool(re.search(r"\[bot\]|\b(dependabot|renovate|pre-commit-ci|github-actions|greenkeeper)\b", address))


def person(address: str) -> str:
    """Whom an address names: `12345+ada@users.noreply.github.com` and `ada@example.org` are both ada."""
    return address.partition("@")[0].rpartition("+")[2] if "users.noreply" in address else address.partition("@")[0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
