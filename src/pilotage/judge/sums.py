"""Totals of bad events and requests, and a service's history of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

_CEILING_Z = 3.719
"""Standard normal quantile of 0.9999: history's rate is below the ceiling with this certainty."""


class Sums(NamedTuple):
    """Totals since the judge began."""

    canary_bad: int = 0
    canary_total: int = 0
    stable_bad: int = 0
    stable_total: int = 0

    def plus(self, other: Sums) -> Sums:
        return Sums(
            self.canary_bad + other.canary_bad,
            self.canary_total + other.canary_total,
            self.stable_bad + other.stable_bad,
            self.stable_total + other.stable_total,
        )

    @property
    def canary_rate(self) -> float:
        return self.canary_bad / self.canary_total if self.canary_total else math.nan

    @property
    def stable_rate(self) -> float:
        return self.stable_bad / self.stable_total if self.stable_total else math.nan

    def to_dict(self) -> dict[str, int]:
        return self._asdict()


@dataclass(frozen=True)
class History:
    """What the service did before, at the same hours: `bad` of `total` requests, and how bursty (φ ≥ 1) they came."""

    bad: int
    total: int
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"bad events must be between 0 and the total: {self.bad} of {self.total}")

    @property
    def ceiling(self) -> float:
        """A rate that the history's own does not exceed with 99.99 % certainty.

        Upper bound of a Poisson mean, Wilson & Hilferty's cube root (PNAS 1931), with the dispersion in its variance.
        """
        if not self.total:
            return 1.0
        events = (self.bad + 1) / self.dispersion
        cube = 1 - 1 / (9 * events) + _CEILING_Z / (3 * math.sqrt(events))
        return min(1.0, self.dispersion * events * cube**3 / self.total)
