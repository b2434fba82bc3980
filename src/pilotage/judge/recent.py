"""Stable's error rate of late: whether something hurts both versions now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pilotage.model.json import JsonObject, list_at, number_at, whole_at

_RECENT = 10.0
"""Seconds of stable's errors that count."""


class RecentErrors:
    """Streaming and bounded."""

    def __init__(self) -> None:
        self._looks: list[tuple[float, int, int]] = []

    def rate(self, at: float, bad: int, total: int) -> float:
        """The rate in the looks around this one, which is taken in, two standard errors above what was seen."""
        self._looks = [look for look in self._looks if at - _RECENT < look[0] <= at]
        self._looks.append((at, bad, total))
        return max(_upper(self._looks[-1:]), _upper(self._looks))

    def to_dict(self) -> JsonObject:
        return {"recent": self._looks}

    def restore(self, saved: JsonObject) -> None:
        self._looks = [(number_at(look, 0), whole_at(look, 1), whole_at(look, 2)) for look in list_at(saved, "recent")]


def _upper(looks: Sequence[tuple[float, int, int]]) -> float:
    """A rate that is two standard errors above what these looks at stable show; 0 where it had no requests."""
    bad, total = sum(part[1] for part in looks), sum(part[2] for part in looks)
    return (bad + 2 * math.sqrt(bad)) / total if total else 0.0
