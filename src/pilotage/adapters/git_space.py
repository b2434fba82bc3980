"""White space in a patch: which old and new lines of a hunk are the same line with other white space.

Git's own `-w` cannot be asked for: it would hide a line of Python or YAML that moved out of its block. Here the
indentation of these counts, unless the whole file was indented anew by one rule. docs/decisions/0131 has the reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pilotage.model.rising import longest_rising

INDENTED = frozenset((
    "py", "pyx", "pyi", "yaml", "yml", "haml", "slim", "pug", "sass", "coffee", "hs", "elm", "nim", "fs", "mk", "rst",
))  # fmt: skip
"""Suffixes of languages in which the depth of a line means something."""

_WIDEST = 2**14

Pair = tuple[int, int]
"""Positions of an old and a new line."""


def same_lines(old: Sequence[bytes], new: Sequence[bytes]) -> list[Pair]:
    """Lines of a hunk that differ in white space alone, in order, by the patience of Bram Cohen's diff: lines that are
    unique on both sides first, then what is equal around them."""
    a, b = [_key(line) for line in old], [_key(line) for line in new]
    if a == b:
        return list(zip(range(len(a)), range(len(b)), strict=True))
    if set(a).isdisjoint(b):
        return []
    once = {key for key, times in Counter(a).items() if times == 1 and key}
    once &= {key for key, times in Counter(b).items() if times == 1}
    if not once:
        return _around([], a, b)
    place = {key: position for position, key in enumerate(b) if key in once}
    mine = [position for position, key in enumerate(a) if key in once]
    theirs = [place[a[position]] for position in mine]
    return _around([(mine[n], theirs[n]) for n in longest_rising(theirs)], a, b)


def _around(anchors: list[Pair], a: Sequence[bytes], b: Sequence[bytes]) -> list[Pair]:
    """The anchors, with the equal lines that follow each, and those before the next one."""
    found: list[Pair] = []
    i = j = 0
    for x, y in [*anchors, (len(a), len(b))]:
        while i < x and j < y and a[i] == b[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        back: list[Pair] = []
        p, q = x - 1, y - 1
        while p >= i and q >= j and a[p] == b[q]:
            back.append((p, q))
            p, q = p - 1, q - 1
        found += reversed(back)
        if x < len(a):
            found.append((x, y))
        i, j = x + 1, y + 1
    return found


def _key(line: bytes) -> bytes:
    """What of a line is not white space. In a text of quotes, how much of it separates two words means nothing, whether
    it does means something. Of a line that nobody wrote by hand all counts."""
    if len(line) > _WIDEST:
        return line
    words = line.split()
    return (b" " if b'"' in line or b"'" in line or b"`" in line else b"").join(words)


def depth(line: bytes) -> int:
    """Characters of white space before the first other one."""
    return len(line) - len(line.lstrip())


def is_indented_anew(depths: Sequence[Pair]) -> bool:
    """Whether lines went from their old depth to their new one by one factor, as tabs that became four spaces do; at
    least two depths must show it. A block that moved keeps the distance instead, and means something else then."""
    moved = {pair for pair in depths if pair != (0, 0)}
    old, new = next(iter(moved), (0, 0))
    return len(moved) > 1 and all(a * new == b * old and a and b for a, b in moved)
