"""Who knows the changed files: context for a reader, and whom to ask or to have at hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pilotage.model.absence import Absence
from pilotage.model.change import Change, FileKind
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.sizes import lines_of, to_read

if TYPE_CHECKING:
    from pilotage.risk.features import History

_LEAST_LINES, _LEAST_SHARE, _MOST_SHARE = 50, 0.2, 0.8
"""Lines of one owner that are worth a word: at least so many, and of all lines not nearly all, because that is how the
project works."""
_LEAST_OF_A_FILE = 10
"""Lines of a file below which nobody needs its owner, such as of a version."""
_LEAST_PEOPLE = 3
"""Where fewer people work, everyone knows who knows what."""
_LEAST_CHANGES = 3
"""Changes in a year that make an owner of someone."""


@dataclass(frozen=True)
class Known:
    """What the year before a change says about its author and files. newcomer: the author changed nothing here ·
    strange: the author changed none of these files, but others did · idle: nobody changed any of them · owners: files
    that one person alone changed, several times, with that person · people: how many changed anything."""

    newcomer: bool = False
    strange: bool = False
    idle: bool = False
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
    idle = not touched and any(file.before for file in files)
    return Known(newcomer, strange, idle, owners, history.people)


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
    if idle := sum(known.idle for _, known in people):
        verb = "is" if idle == 1 else "are"
        words.append(f"{idle} of {len(changes)} changes {verb} in files that nobody had touched for a year")
    return "; ".join(words)


def findings_of(changes: Sequence[tuple[Change, Known]], away: Sequence[Absence] = ()) -> list[Finding]:
    """Files that only one person knew: changed by another, else by that person; at most two people, most lines
    first. away: who is absent when the release begins; each of them that knows a file alone is a finding."""
    owned = _owned(changes)
    missing = [(owner, one) for owner in owned for one in away if _names(owner) & one.names]
    found = [one for owner, absence in missing if (one := _by_absent(absence, owned.pop(owner, {})))]
    return [*found, *_by_presence(changes, owned)]


def _names(owner: str) -> set[str]:
    return {owner.casefold(), person(owner).casefold()}


def _by_absent(absence: Absence, touched: Mapping[str, _Touched]) -> Finding | None:
    files = {path: one for path, one in touched.items() if one.lines >= _LEAST_OF_A_FILE}
    if not files:
        return None
    who, what = absence.person, "this file" if len(files) == 1 else f"these {len(files)} files"
    words = f"only {who}, who is away until {absence.last}, had changed {what} in the year before"
    return Finding(RiskFactor.EXPERIENCE, RiskLevel.MEDIUM, words, _place(files), f"wait for {who}, or {_LEARN}")


_LEARN = "have somebody else learn how to mend this before the release"


def _by_presence(changes: Sequence[tuple[Change, Known]], owned: Mapping[str, Mapping[str, _Touched]]) -> list[Finding]:
    if max((known.people for _, known in changes), default=0) < _LEAST_PEOPLE:
        return []
    total = sum(lines_of(file) for change, _ in changes for file in to_read(change))
    least = max(_LEAST_LINES, _LEAST_SHARE * total)
    found: list[tuple[int, Finding]] = []
    for owner, touched in owned.items():
        files = {path: one for path, one in touched.items() if one.lines >= _LEAST_OF_A_FILE}
        strange = {path: one for path, one in files.items() if one.others}
        if strange and (lines := sum(one.lines for one in strange.values())) >= _LEAST_LINES:
            found.append((lines, _by_others(owner, strange)))
        elif least <= (lines := sum(one.lines for one in files.values())) < _MOST_SHARE * total:
            found.append((lines, _by_owner(owner, files)))
    return [finding for _, finding in sorted(found, key=lambda pair: -pair[0])[:2]]


@dataclass
class _Touched:
    """A file in the range: its changed lines, and who but its owner changed it."""

    lines: int = 0
    others: set[str] = field(default_factory=set)


def _owned(changes: Sequence[tuple[Change, Known]]) -> dict[str, dict[str, _Touched]]:
    """By owner and path. Who owned a file before the range counts."""
    owner_of: dict[str, str] = {}
    found: dict[str, dict[str, _Touched]] = {}
    seen: set[str] = set()
    for change, known in changes:
        owner_of |= {path: owner for path, owner in known.owners if path not in seen and not is_bot(owner)}
        for file in to_read(change):
            if file.kind is not FileKind.SOURCE:
                continue
            seen.add(file.path)
            if (owner := owner_of.get(file.path)) is None:
                continue
            touched = found.setdefault(owner, {}).setdefault(file.path, _Touched())
            touched.lines += lines_of(file)
            if person(change.author) != person(owner) and not is_bot(change.author):
                touched.others.add(person(change.author))
    return found


def _by_others(owner: str, files: dict[str, _Touched]) -> Finding:
    who, others = person(owner), sorted({one for touched in files.values() for one in touched.others})
    what = "a file" if len(files) == 1 else f"{len(files)} files"
    words = f"{_some(others)} changed {what} that only {who} had changed in the year before"
    cure = f"have {who} review {'it' if len(files) == 1 else 'them'}"
    return Finding(RiskFactor.EXPERIENCE, RiskLevel.LOW, words, _place(files), cure)


def _by_owner(owner: str, files: dict[str, _Touched]) -> Finding:
    who, what = person(owner), "this file" if len(files) == 1 else f"these {len(files)} files"
    words = f"only {who} changed {what}, now and in the year before"
    cure = f"make sure that {who} can be reached during the rollout"
    return Finding(RiskFactor.EXPERIENCE, RiskLevel.LOW, words, _place(files), cure)


def _place(files: Mapping[str, _Touched]) -> str:
    first = max(files, key=lambda path: files[path].lines)
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more"


def is_bot(address: str) -> bool:
    return bool(re.search(r"\[bot\]|\b(dependabot|renovate|pre-commit-ci|github-actions|greenkeeper)\b", address))


_ANYBODY = frozenset(
    ("github", "gitlab", "git", "mail", "email", "me", "info", "contact", "hello", "hi", "dev", "code", "admin", "root")
)
"""Mailboxes whose names say nothing of whose they are."""


def person(address: str) -> str:
    """Whom an address names: `12345+ada@users.noreply.github.com` and `ada@example.org` are both ada."""
    name = address.partition("@")[0]
    if "users.noreply" in address:
        return name.rpartition("+")[2]
    return address if name.lower() in _ANYBODY else name


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
