"""Compares whole distributions of durations from histogram buckets, and may be looked at for ever.

Within one look, pool the requests of both versions. Were they alike, which of the pooled requests are the canary's
would be a draw without replacement. For a number a_k for each bucket, growing with the duration, let S be the sum over
the canary's n requests. By Hoeffding (JASA 1963, theorem 4) E exp(S) is at most (Σ f_k exp(a_k))ⁿ, f_k the pooled
share of bucket k, so exp(S) over that is an e-value; products over looks are an e-process, whatever the traffic or the
split does. Here a_k is a step: `s` beyond a bucket's bound. Every bound and several s run side by side, and their
average is the evidence: a shift of the body shows at a middle bound, a tail at the last ones. If the canary is
stochastically faster, it is smaller still, because the steps rise.

A tolerated slowdown stretches stable's durations before pooling: a bucket's requests lie evenly over the logarithm of
its bounds, and what a stretch carries over the upper bound goes to the bucket above.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pilotage.model.observation import EMPTY, Histogram, Verdict, VerdictKind
from pilotage.model.quantity import format_duration

_STEPS = np.log(np.array([1.1, 1.25, 1.5, 2.0, 3.0, 5.0]))
_LEAST = 100
"""Requests of each version below which a look is kept for later: shares of so few are noise."""


class LatencyJudge:
    """Judges whether the canary's durations are longer than stable's times `tolerated` (≥ 1).

    alpha: probability of ever calling an equally fast canary slow. Histograms of both versions must have one set of
    bounds; ValueError otherwise.
    """

    def __init__(self, tolerated: float = 1.05, alpha: float = 0.001, metric: str = "latency") -> None:
        if not (1 <= tolerated < math.inf and 0 < alpha < 1):
            raise ValueError("tolerated ≥ 1 and 0 < alpha < 1 are needed")
        self.metric, self.tolerated, self.alpha = metric, tolerated, alpha
        self._evidence: np.ndarray[Any, np.dtype[np.float64]] | None = None
        self._waiting = (EMPTY, EMPTY)
        self.canary, self.stable = EMPTY, EMPTY

    def update(self, canary: Histogram, stable: Histogram, trust: float = 1.0) -> Verdict:
        """Take in the durations since the last update and say what is known now. trust: the part of their evidence
        that counts, 0…1, known before them; a power of an e-value is one (Jensen's inequality)."""
        self.canary, self.stable = self.canary.plus(canary), self.stable.plus(stable)
        waiting = (self._waiting[0].plus(canary), self._waiting[1].plus(stable))
        if min(waiting[0].total, waiting[1].total) < _LEAST:
            self._waiting = waiting
            return self.verdict()
        self._waiting = (EMPTY, EMPTY)
        if waiting[0].bounds != waiting[1].bounds:
            raise ValueError("histograms of canary and stable have different buckets")
        self._compare(*waiting, trust)
        return self.verdict()

    def _compare(self, canary: Histogram, stable: Histogram, trust: float) -> None:
        ours = np.asarray(canary.counts, dtype=float)
        theirs = stretched(stable, self.tolerated)
        beyond = np.cumsum(ours[::-1])[::-1][1:]
        share = (np.cumsum((ours + theirs)[::-1])[::-1][1:]) / (ours.sum() + theirs.sum())
        sums = _STEPS[:, None] * beyond[None, :]
        bound = ours.sum() * np.log1p(share[None, :] * np.expm1(_STEPS)[:, None])
        if self._evidence is None:
            self._evidence = np.zeros((len(_STEPS), len(canary.bounds)))
        self._evidence += trust * (sums - bound)

    def evidence(self) -> float:
        """Natural logarithm of the e-value against "not slower than tolerated"."""
        if self._evidence is None:
            return 0.0
        top = float(self._evidence.max())
        return top + math.log(float(np.exp(self._evidence - top).mean()))

    def verdict(self) -> Verdict:
        """What is known now. Evidence of safety is not sought: inconclusive is the best that this test says."""
        evidence = self.evidence()
        if min(self.canary.total, self.stable.total) < _LEAST:
            kind = VerdictKind.INSUFFICIENT_DATA
        elif evidence >= math.log(1 / self.alpha):
            kind = VerdictKind.FAIL
        else:
            kind = VerdictKind.INCONCLUSIVE
        canary, stable = (_shown(histogram) for histogram in (self.canary, self.stable))
        return Verdict(
            self.metric, kind, self._sentence(kind), evidence=evidence, samples=self.canary.total, canary=canary,
            stable=stable,
        )  # fmt: skip

    def _sentence(self, kind: VerdictKind) -> str:
        if kind is VerdictKind.INSUFFICIENT_DATA:
            few = f"{min(self.canary.total, self.stable.total)} of {_LEAST} requests"
            return f"{few} of each version that a comparison of durations needs"
        both = f"canary {_shown(self.canary)}, stable {_shown(self.stable)}"
        if kind is VerdictKind.INCONCLUSIVE or self._evidence is None:
            return both
        bound = self.canary.bounds[int(self._evidence.max(axis=0).argmax())]
        slow, usual = (h.above(bound) / h.total for h in (self.canary, self.stable))
        sure = f"sure at {100 * (1 - self.alpha):.4g} %"
        return f"{both}: {slow:.3g} of the canary's requests take more than {format_duration(bound)}, " + (
            f"{usual:.3g} of stable's, {sure}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "evidence": None if self._evidence is None else self._evidence.tolist(),
            "waiting": [vars(histogram) for histogram in self._waiting],
            "canary": vars(self.canary), "stable": vars(self.stable),
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        self._evidence = None if saved["evidence"] is None else np.asarray(saved["evidence"], dtype=float)
        first, second = (Histogram.of(part) for part in saved["waiting"])
        self._waiting = (first, second)
        self.canary, self.stable = Histogram.of(saved["canary"]), Histogram.of(saved["stable"])


def stretched(histogram: Histogram, factor: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Expected counts when every duration is `factor` ≥ 1 times as long; the last, open bucket keeps what it has."""
    counts = np.asarray(histogram.counts, dtype=float)
    if factor == 1 or not histogram.bounds:
        return counts
    moved = np.zeros_like(counts)
    uppers = np.asarray(histogram.bounds)
    lowers = np.concatenate([[uppers[0] / 2], uppers[:-1]])
    for index, count in enumerate(counts[:-1]):
        if not count:
            continue
        low, high = math.log(lowers[index] * factor), math.log(uppers[index] * factor)
        cuts = np.clip(np.log(uppers), low, high)
        below = (cuts - low) / (high - low)
        moved[:-1] += count * np.diff(below, prepend=0.0)
        moved[-1] += count * (1 - below[-1])
    moved[-1] += counts[-1]
    return moved


def _shown(histogram: Histogram) -> str:
    """The 95th percentile's bucket: what lies between its bounds, the histogram hides."""
    index = histogram.quantile_index(0.95)
    if index is None:
        return "–"
    if index == len(histogram.bounds):
        return f"p95 above {format_duration(histogram.bounds[-1])}"
    low = histogram.bounds[index - 1] if index else 0.0
    return f"p95 between {format_duration(low)} and {format_duration(histogram.bounds[index])}"
