"""Stable's own past level of a figure, and how much it changes by itself over time.

If no stable version runs next to the new one, only its past is left for a comparison, and a past is not a control: the
day goes on. The past can say how much two of its own moments differed. Blocks of 30 seconds are kept, at most 240; then
neighbours are merged, so memory is bounded however long stable is observed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pilotage.model.json import JsonObject, each, list_at, number_at

_SECONDS = 30.0
_MOST = 240
_PAIRS = 4


class PastLevel:
    """Streaming: `update` with what stable did, then `level` and `margin`."""

    def __init__(self) -> None:
        self._length = _SECONDS
        self._blocks: list[list[float]] = []

    def update(self, at: float, total: float, count: float) -> None:
        """Add a look at `at`, Unix seconds: the level is `total` over `count`, such as errors over requests, or a sum
        of readings over their number. Looks without a count are ignored."""
        if count <= 0:
            return
        began = math.floor(at / self._length) * self._length
        if self._blocks and self._blocks[-1][0] >= began:
            self._blocks[-1][1] += total
            self._blocks[-1][2] += count
            return
        self._blocks.append([began, total, count])
        if len(self._blocks) > _MOST:
            self._merge()

    def _merge(self) -> None:
        """Blocks of twice the length."""
        self._length *= 2
        merged: dict[float, list[float]] = {}
        for began, total, count in self._blocks:
            at = math.floor(began / self._length) * self._length
            block = merged.setdefault(at, [at, 0.0, 0.0])
            block[1] += total
            block[2] += count
        self._blocks = list(merged.values())

    def level(self) -> float | None:
        """The mean over all that is known; None before the first look."""
        count = math.fsum(block[2] for block in self._blocks)
        return math.fsum(block[1] for block in self._blocks) / count if count else None

    def margin(self, horizon: float) -> float | None:
        """How many times higher stable's own level was than at least `horizon` seconds before, at the most; at least 1.

        Where less is known, over the longest distance that four pairs of blocks have; None where there are fewer.
        """
        began = [block[0] for block in self._blocks]
        levels = _positive([block[1] / block[2] for block in self._blocks])
        distance = _distance(began, horizon)
        if distance is None:
            return None
        highest, lowest, before = 1.0, math.inf, 0
        for at, level in zip(began, levels, strict=True):
            while began[before] <= at - distance:
                lowest = min(lowest, levels[before])
                before += 1
            highest = max(highest, level / lowest)
        return highest

    def to_dict(self) -> JsonObject:
        return {"length": self._length, "blocks": [list(block) for block in self._blocks]}

    def restore(self, saved: JsonObject) -> None:
        self._length = number_at(saved, "length")
        self._blocks = [each(number_at, block) for block in list_at(saved, "blocks")]


def _positive(levels: Sequence[float]) -> list[float]:
    """No ratio to nothing can be formed: a level of 0 counts as the smallest above it that was seen."""
    least = min((level for level in levels if level > 0), default=1.0)
    return [max(level, least) for level in levels]


def _distance(began: Sequence[float], horizon: float) -> float | None:
    """Seconds that at least four pairs of blocks are apart: `horizon`, or the most below it."""
    # The four pairs that are furthest apart start among the first four blocks and end among the last.
    ends = ((first, last) for first in began[:_PAIRS] for last in began[-_PAIRS:])
    apart = sorted((last - first for first, last in ends if last > first), reverse=True)
    if len(apart) < _PAIRS:
        return None
    return min(max(horizon, _SECONDS), apart[_PAIRS - 1])
