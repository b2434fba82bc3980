"""Which advisories a pinned version has: by its number, or by a range of versions as npm writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pilotage.model.advisory import Advisory

_SPACED = re.compile(r"(?<![<>=~^])([<>=~^]{1,2})\s+")
_HYPHEN = re.compile(r"(?<!\S)(\S+) - (\S+)")
_COMPARED = re.compile(
    r"(>=|<=|>|<|=|~|\^|)v?(\d{1,15}|[xX*])(?:\.(\d{1,15}|[xX*]))?(?:\.(\d{1,15}|[xX*]))?(?:-([\w.-]{1,200}))?(?:\+.*)?"
)

_Version = tuple[tuple[int, int, int], tuple[tuple[int, int, str], ...]]


class Advisories:
    """All that a report says against packages, looked up by package and version."""

    def __init__(self, known: Iterable[Advisory] = ()) -> None:
        self._of: dict[str, list[Advisory]] = {}
        for one in known:
            self._of.setdefault(_normal(one.package), []).append(one)

    def of(self, package: str, version: str) -> str:
        """The ids of what is known against it, or nothing."""
        known = self._of.get(_normal(package), ())
        mine = [one.id for one in known if one.version == version or (one.range and within(version, one.range))]
        return ", ".join(dict.fromkeys(mine))


def _normal(package: str) -> str:
    return re.sub(r"[_.]+", "-", package.casefold())


def within(version: str, span: str) -> bool:
    """Whether a version is in a range of npm. Pre-releases count by their order, as `npm audit` counts them; a range
    that cannot be read holds everything."""
    own = _COMPARED.fullmatch(version.strip())
    if own is None or own[1] or not (own[2] or "").isdigit():
        return True
    mine = _version(own)
    return any(_all_hold(mine, part) for part in span.split("||"))


def _all_hold(mine: _Version, part: str) -> bool:
    words = _SPACED.sub(r"\1", _HYPHEN.sub(r">=\1 <=\2", part.strip())).split()
    return all(_holds(mine, word) for word in words)


def _holds(mine: _Version, word: str) -> bool:
    found = _COMPARED.fullmatch(word)
    if found is None:
        return True
    low, high = _version(found), _after(found)
    match found[1]:
        case "<":
            return mine < low
        case ">=":
            return mine >= low
        case ">":
            return mine >= high if _is_open(found) else mine > low
        case "<=":
            return mine < high if _is_open(found) else mine <= low
        case "~" | "^":
            return low <= mine < high
        case _:
            return low <= mine < high if _is_open(found) else mine == low


def _is_open(found: re.Match[str]) -> bool:
    """Whether parts of the number are left out, as in `1.2` or `1.x`."""
    return not all((found[part] or "x").isdigit() for part in (2, 3, 4))


def _numbers(found: re.Match[str]) -> list[int]:
    numbers = []
    for part in (2, 3, 4):
        if not (found[part] or "x").isdigit():
            break
        numbers.append(int(found[part]))
    return numbers


def _version(found: re.Match[str]) -> _Version:
    """In the order of SemVer: a pre-release before its release, its numbers by value and before its words."""
    major, minor, patch = [*_numbers(found), 0, 0, 0][:3]
    if not found[5]:
        return (major, minor, patch), ((2, 0, ""),)
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in found[5].split(".")]
    return (major, minor, patch), (*parts, (-1, 0, ""))


def _after(found: re.Match[str]) -> _Version:
    """The first version beyond: of `^1.2.3` 2.0.0, of `~1.2.3` 1.3.0, of `1.2` 1.3.0."""
    numbers = _numbers(found)
    if not numbers:
        return (2**62, 0, 0), ((-2, 0, ""),)
    if found[1] == "^":
        kept = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    elif found[1] == "~":
        kept = min(1, len(numbers) - 1)
    else:
        kept = len(numbers) - 1
    major, minor, patch = [*numbers[:kept], numbers[kept] + 1, 0, 0][:3]
    return (major, minor, patch), ((-2, 0, ""),)
