"""Which of two versions is newer, and whether a major version is between them, by the rules of their ecosystem."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cmp_to_key
from itertools import takewhile

from packaging.version import InvalidVersion, Version

LONGEST = 200
"""Characters of a version that are looked at."""


class Scheme(StrEnum):
    """Whose rules order the versions of a lock file."""

    PYTHON = "PEP 440"
    SEMVER = "SemVer"
    """npm, Cargo, Go, Composer, Hex, NuGet, pub, Swift."""
    RUBY = "RubyGems"
    MAVEN = "Maven"


_Part = tuple[int, int, str]
_Key = tuple[tuple[_Part, ...], int, tuple[_Part, ...]]

_WORDS = re.compile(r"[0-9]+|[A-Za-z]+")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?:[01][0-9][0-3][0-9])?")
_NO_QUALIFIER = ("final", "ga", "release")
_BEFORE = ("alpha", "a", "beta", "b", "milestone", "m", "rc", "cr", "snapshot", "pre", "preview", "dev", "ea")


def compare(one: str, other: str, scheme: Scheme) -> int:
    """Negative where `one` is older, 0 where both are the same version."""
    a, b = _pep440(one, scheme), _pep440(other, scheme)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    x, y = _key(one, scheme), _key(other, scheme)
    return (x > y) - (x < y)


def ordered(versions: set[str], scheme: Scheme) -> list[str]:
    """The oldest first."""

    def against(one: str, other: str) -> int:
        return compare(one, other, scheme)

    return sorted(sorted(versions), key=cmp_to_key(against))


def has_major_step(one: str, other: str, scheme: Scheme) -> bool:
    """Whether something may break between two versions: the first number differs, or the first two while the first is 0
    (SemVer 2.0.0, section 4). Years are no such numbers: a calendar says nothing of what breaks."""
    a, b = _numbers(one, scheme), _numbers(other, scheme)
    if "!" in one and "!" in other and one.partition("!")[0] == other.partition("!")[0]:
        a, b = a[1:], b[1:]  # of one epoch
    if a[:1] and b[:1] and _YEAR.fullmatch(a[0]) and _YEAR.fullmatch(b[0]):
        return False
    return _leading(a) != _leading(b)


def _leading(numbers: list[str]) -> list[str]:
    first = [number.lstrip("0") for number in [*numbers, "", ""][:2]]
    return first if not first[0] else first[:1]


def _numbers(version: str, scheme: Scheme) -> list[str]:
    if (read := _pep440(version, scheme)) is not None:
        return [str(number) for number in ((read.epoch,) if read.epoch else ()) + read.release]
    return [digits for _, _, digits in _key(version, scheme, whole=True)[0]]


def _pep440(version: str, scheme: Scheme) -> Version | None:
    try:
        return Version(version) if scheme is Scheme.PYTHON and len(version) <= LONGEST else None
    except InvalidVersion:
        return None


def _key(version: str, scheme: Scheme, whole: bool = False) -> _Key:
    """(numbers, before or after the release of these numbers, what else it says). whole: with the zeros at the end."""
    text = version[:LONGEST].lstrip("vV=^~ ").partition("+")[0]
    if scheme in (Scheme.RUBY, Scheme.MAVEN):
        words = _WORDS.findall(text.lower())
        core = list(takewhile(str.isdecimal, words))
        rest = [word for word in words[len(core) :] if word not in _NO_QUALIFIER]
    else:
        first, _, said = text.partition("-")
        words = _WORDS.findall(first)
        core = list(takewhile(str.isdecimal, words))
        rest = [*words[len(core) :], *(said.split(".") if said else ())]
    while core and not whole and not core[-1].strip("0"):
        core.pop()
    is_before = scheme is not Scheme.MAVEN or (rest[:1] != [] and rest[0] in _BEFORE)
    return tuple(map(_part, core)), 1 if not rest else 0 if is_before else 2, tuple(map(_part, rest))


def _part(word: str) -> _Part:
    """Numbers by their value, of any length, and before words."""
    if word.isascii() and word.isdigit():
        digits = word.lstrip("0")
        return 0, len(digits), digits or "0"
    return 1, 0, word
