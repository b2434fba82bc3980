"""Whether a text can hold a function that moved there or from there, found without parsing the text.

Parsing is what takes the time: of a large range, nearly every changed file would be parsed to find where one new
function was before. What is ruled out here, no parsed function of the text could have been: each of these bounds lies
above the likeness of every run of lines.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property

ALIKE = 0.7
"""Share of the words of two bodies that they have in common where one is the other, renamed or moved, and edited."""

_WORD = re.compile(r"\w+|[^\w\s]")

_ROUNDING = 1e-6


def words_of(text: str) -> list[str]:
    return _WORD.findall(text)


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """Words in common, of those of either (Jaccard, with multiplicity)."""
    several, others = one.total(), other.total()
    if min(several, others) < ALIKE * max(several, others):
        return 0.0
    both = (one & other).total()
    return both / (several + others - both)


class Text:
    """Of a file. Its words are told apart once they are asked for."""

    def __init__(self, content: str) -> None:
        self.content = content

    @cached_property
    def _words(self) -> list[str]:
        return words_of(self.content)

    @cached_property
    def _all(self) -> Counter[str]:
        return Counter(self._words)

    def may_hold(self, one: Counter[str]) -> bool:
        """Whether some run of lines may be as alike to these words as ALIKE says."""
        least = ALIKE * one.total() - _ROUNDING
        if _common(self._all, one) < least:
            return False
        return _has_run(self._words, one, int(one.total() / ALIKE + _ROUNDING), least)


def _has_run(words: list[str], one: Counter[str], length: int, least: float) -> bool:
    """Whether so many consecutive words, of which none that are alike enough have more, have at least so many in common
    with `one`. Each such run lies within two neighbouring blocks of that length, and most blocks are told by these."""
    for start in range(0, max(1, len(words) - length), length):
        blocks = words[start : start + 2 * length]
        if _common(Counter(blocks), one) >= least and _best_run(blocks, one, length) >= least:
            return True
    return False


def _common(some: Counter[str], one: Counter[str]) -> int:
    return sum(min(times, some[word]) for word, times in one.items() if word in some)


def _best_run(words: list[str], one: Counter[str], length: int) -> int:
    """The most words in common with `one` that so many consecutive words have."""
    left, common, best = dict(one), 0, 0
    for n, word in enumerate(words):
        if (spare := left.get(word)) is not None:
            common += spare > 0
            left[word] = spare - 1
        if n >= length and (gone := left.get(words[n - length])) is not None:
            common -= gone >= 0
            left[words[n - length]] = gone + 1
        if common > best:
            best = common
    return best
