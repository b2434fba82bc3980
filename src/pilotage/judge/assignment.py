"""Whether the requests were split as they should be, before anything is concluded from them (sample ratio mismatch).

A canary that gets too few or too many requests compares other users, or loses some. Under the null each request goes to
the canary with a probability within `tolerance` of the intended one; a beta-binomial mixture over other probabilities,
divided by the most favourable one within, is an e-process for either side (Lindon & Malek, NeurIPS 2022). Requests of
one user go together, so the counts are divided by `dispersion`.
"""

from __future__ import annotations

import math

from pilotage.model.json import JsonObject, number_at, whole_at
from pilotage.model.quantity import format_share


class AssignmentCheck:
    """Streaming; `mismatch` is empty, or a sentence that says what is wrong.

    tolerance: relative deviation of the canary's share that is ignored · dispersion: requests of one user per look.
    """

    def __init__(self, tolerance: float = 0.2, alpha: float = 0.0001, dispersion: float = 10.0) -> None:
        if not (0 < tolerance < 1 and 0 < alpha < 1 and dispersion >= 1):
            raise ValueError("0 < tolerance < 1, 0 < alpha < 1 and dispersion ≥ 1 are needed")
        self._tolerance, self._alpha, self._dispersion = tolerance, alpha, dispersion
        self._share = -1.0
        self._canary, self._total = 0, 0

    def update(self, *, share: float, canary: int, total: int) -> None:
        """Take in one look: the intended share of the canary in 0…1, its requests and those of both versions."""
        if not (0 <= share <= 1 and 0 <= canary <= total):
            raise ValueError(f"a share in 0…1 and {canary} of {total} requests are needed")
        if share != self._share:
            self._share, self._canary, self._total = share, 0, 0
        self._canary += canary
        self._total += total

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value against a split within the tolerance."""
        if not self._total or not 0 < self._share < 1:
            return 0.0
        seen = self._canary / self._total
        low, high = self._share * (1 - self._tolerance), min(1 - 1e-9, self._share * (1 + self._tolerance))
        nearest = min(max(seen, low), high)
        hits, misses = self._canary / self._dispersion, (self._total - self._canary) / self._dispersion
        mixture = math.lgamma(hits + 1) + math.lgamma(misses + 1) - math.lgamma(hits + misses + 2)
        return mixture - hits * math.log(nearest) - misses * math.log1p(-nearest)

    @property
    def mismatch(self) -> str:
        """Empty while the split looks as intended."""
        if self.evidence < math.log(1 / self._alpha):
            return ""
        seen = format_share(self._canary / self._total)
        return (
            f"the canary gets {seen} of the requests ({self._canary:,} of {self._total:,}) instead of "
            f"{format_share(self._share)}: its metrics describe other users, so they are not compared"
        )

    def to_dict(self) -> JsonObject:
        return {"share": self._share, "canary": self._canary, "total": self._total}

    def restore(self, saved: JsonObject) -> None:
        self._share = number_at(saved, "share")
        self._canary, self._total = whole_at(saved, "canary"), whole_at(saved, "total")
