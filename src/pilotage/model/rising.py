"""The longest part of a sequence that rises: what a few elements out of place cannot disturb."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def longest_rising(values: Sequence[float]) -> list[int]:
    """Positions of a longest subsequence that never falls, in order; n·log n (Fredman, Discrete Mathematics 1975)."""
    ends: list[float] = []
    last: list[int] = []
    before = [-1] * len(values)
    for position, value in enumerate(values):
        length = bisect_right(ends, value)
        before[position] = last[length - 1] if length else -1
        if length == len(ends):
            ends.append(value)
            last.append(position)
        else:
            ends[length], last[length] = value, position
    found, at = [], last[-1] if last else -1
    while at >= 0:
        found.append(at)
        at = before[at]
    return found[::-1]
