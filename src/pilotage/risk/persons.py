"""One person, one name: who has several addresses, or signs with a full name here and a nickname there.

A mail map says so where there is one. Where there is none, an address joins the names that are used with it, and a full
name joins what is the same letters in one word: `josevalim` is José Valim. Whoever has no full name is called by the
one that they gave, such as Timshel.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pilotage.model.change import Change

_ANYBODY = frozenset((
    "admin", "administrator", "build", "ci", "debian", "dev", "developer", "git", "github", "gitlab", "jenkins", "me",
    "none", "noreply", "nobody", "release", "root", "runner", "test", "travis", "ubuntu", "unknown", "user", "vagrant",
    "web-flow", "you",
))  # fmt: skip
"""Names that say nothing of whose they are."""

_MOST_NAMES = 3
"""An address with more full names is one of many people, such as of a machine."""

_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


@dataclass
class _Group:
    """What is known of one person. full, short: names with how often each is used."""

    full: Counter[str] = field(default_factory=Counter)
    short: Counter[str] = field(default_factory=Counter)


def named_alike(changes: Sequence[Change]) -> list[Change]:
    """The same changes, each person with one name as their author."""
    groups = _groups(changes)
    called = {author: _name(author, group) for author, group in groups.items()}
    return [replace(one, author=called.get(one.author, one.author)) for one in changes]


def _groups(changes: Iterable[Change]) -> Mapping[str, _Group]:
    """By author, as the changes have them."""
    joined = _Joined()
    people = [one for one in changes if one.address and not _is_program(one)]
    full = [one for one in people if "@" not in one.author]
    names = defaultdict[str, set[str]](set)
    for one in full:
        names[one.address].add(_letters(one.author))
    known = {_letters(one.author) for one in full}
    for one in people:
        if len(names[one.address]) <= _MOST_NAMES:
            joined.join(f"author {one.author}", f"address {one.address}")
        for word in _letters(one.author), *map(_letters, _nicknames(one)):
            if word in known:
                joined.join(f"author {one.author}", f"name {word}")
    found = defaultdict[str, _Group](_Group)
    for one in people:
        group = found[joined.of(f"author {one.author}")]
        if "@" not in one.author:
            group.full[one.author] += 1
        elif is_name(one.name):
            group.short[" ".join(one.name.split())] += 1
    return {one.author: found[joined.of(f"author {one.author}")] for one in people}


class _Joined:
    """Which things are the same (union-find)."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def of(self, one: str) -> str:
        while (above := self._above.get(one, one)) != one:
            self._above[one] = self._above.get(above, above)
            one = above
        return one

    def join(self, one: str, other: str) -> None:
        self._above[self.of(one)] = self.of(other)


def _name(author: str, group: _Group) -> str:
    """The most used one; of several the first by the alphabet, so that every reading says the same."""
    names = group.full or group.short
    return min(names, key=lambda one: (-names[one], one)) if names else author


def is_name(said: str) -> bool:
    """Whether a name of one word says who it is."""
    return bool(said.strip()) and "@" not in said and said.strip().lower() not in _ANYBODY


def _nicknames(change: Change) -> Iterable[str]:
    """What somebody without a full name is known by: their one word, and their account at GitHub or GitLab."""
    if "@" in change.author and is_name(change.name):
        yield change.name
    if "users.noreply." in change.address:
        yield re.split(r"[+-]", change.address.partition("@")[0], maxsplit=1)[-1]


def _letters(name: str) -> str:
    """`José Valim` as `josevalim`."""
    plain = unicodedata.normalize("NFKD", name.casefold()).translate(_PLAIN)
    return "".join(char for char in plain if char.isalnum())


def _is_program(change: Change) -> bool:
    return "[bot]" in change.name or "[bot]" in change.address
