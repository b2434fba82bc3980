"""Compares whole distributions of durations from histogram buckets, with a test that is valid at any time.

Pool the requests of both versions within one look. If the versions were alike, the canary's requests would be a draw
without replacement from the pool. For a number a_k for each bucket, growing with the duration, let S be the sum over
the canary's n requests. By Hoeffding (JASA 1963, theorem 4) E exp(S) is at most (Σ f_k exp(a_k))ⁿ, f_k being the pooled
share of bucket k, so exp(S) divided by that is an e-value; products over looks are an e-process, for any traffic and
split. Here a_k is a step: `s` beyond a bucket's bound. Every bound and several s run in parallel, and their average is
the evidence: a shift of the body shows at a middle bound, a tail at the last ones. If the canary is stochastically
faster, it is smaller still, because the steps rise.

A tolerated slowdown stretches stable's durations before pooling: a bucket's requests are spread evenly over the
logarithm of its bounds, and what a stretch moves beyond the upper bound goes to the bucket above. If one bucket holds
more than half of stable's requests, or is where they start (ten times as dense as the one below), its requests may all
be close to its upper bound, and an even spread would move too few: then all of it moves to where that bound goes.

Routes of different speed are each compared with themselves (`StrataLatency`): a different mix of routes is not
slowness.
"""

from __future__ import annotations

import math

import numpy as np

from pilotage.judge.stretching import Array, stretched
from pilotage.model.json import JsonObject, each, list_at, object_at, optional
from pilotage.model.observation import EMPTY, Histogram, Verdict, VerdictKind
from pilotage.model.quantity import format_duration

_STEPS = np.log(np.array([1.1, 1.25, 1.5, 2.0, 3.0, 5.0]))
LEAST = 100
"""Requests of each version below which a look is pooled with later ones: shares of so few are noise."""


class LatencyJudge:
    """Judges whether the canary's durations are longer than stable's times `tolerated` (≥ 1).

    alpha: probability of ever calling an equally fast canary slow · least, least_share: a difference below so many
    seconds, or below this share of the duration, does not matter. Histograms of both versions must have one set of
    bounds; ValueError otherwise.
    """

    def __init__(
        self,
        tolerated: float = 1.05,
        alpha: float = 0.001,
        metric: str = "latency",
        least: float = 0.0,
        least_share: float = 0.0,
    ) -> None:
        if not (1 <= tolerated < math.inf and 0 < alpha < 1 and least >= 0 and least_share >= 0):
            raise ValueError("tolerated ≥ 1, 0 < alpha < 1, least ≥ 0 and least_share ≥ 0 are needed")
        self.metric, self.tolerated, self.alpha = metric, max(tolerated, 1 + least_share), alpha
        self.least = least
        self._evidence: Array | None = None
        self._mean = 0.0
        self._waiting = (EMPTY, EMPTY)
        self.canary, self.stable = EMPTY, EMPTY

    def update(self, canary: Histogram, stable: Histogram, trust: float = 1.0) -> Verdict:
        """Take in the durations since the last update and say what is known now. trust: the part of their evidence
        that counts, 0…1, known before them; a power of an e-value is one (Jensen's inequality)."""
        self.take_in(canary, stable, trust)
        return self.verdict()

    def take_in(self, canary: Histogram, stable: Histogram, trust: float) -> bool:
        """As `update`, without the verdict; whether the evidence changed."""
        self.canary, self.stable = self.canary.plus(canary), self.stable.plus(stable)
        waiting = (self._waiting[0].plus(canary), self._waiting[1].plus(stable))
        if min(waiting[0].total, waiting[1].total) < LEAST:
            self._waiting = waiting
            return False
        self._waiting = (EMPTY, EMPTY)
        if waiting[0].bounds != waiting[1].bounds:
            raise ValueError("histograms of canary and stable have different buckets")
        self._compare(*waiting, trust)
        return True

    def _compare(self, canary: Histogram, stable: Histogram, trust: float) -> None:
        ours = np.asarray(canary.counts, dtype=float)
        theirs = stretched(stable, self.tolerated, self.least)
        beyond = np.cumsum(ours[::-1])[::-1][1:]
        share = (np.cumsum((ours + theirs)[::-1])[::-1][1:]) / (ours.sum() + theirs.sum())
        sums = _STEPS[:, None] * beyond[None, :]
        bound = ours.sum() * np.log1p(share[None, :] * np.expm1(_STEPS)[:, None])
        if self._evidence is None:
            self._evidence = np.zeros((len(_STEPS), len(canary.bounds)))
        self._evidence += trust * (sums - bound)
        self._mean = mean(self._evidence)

    def evidence(self) -> float:
        """Natural logarithm of the e-value against "not slower than tolerated"."""
        return self._mean

    @property
    def parts(self) -> Array | None:
        """The same for each step (rows) and each bound (columns); None before the first comparison."""
        return self._evidence

    def verdict(self) -> Verdict:
        """What is known now. Evidence of safety is not sought: inconclusive is the best that this test says."""
        evidence = self.evidence()
        if min(self.canary.total, self.stable.total) < LEAST:
            kind = VerdictKind.INSUFFICIENT_DATA
        elif evidence >= math.log(1 / self.alpha):
            kind = VerdictKind.FAIL
        else:
            kind = VerdictKind.INCONCLUSIVE
        canary, stable = (shown(histogram) for histogram in (self.canary, self.stable))
        return Verdict(
            self.metric, kind, self._sentence(kind), evidence=evidence, samples=self.canary.total, canary=canary,
            stable=stable,
        )  # fmt: skip

    def _sentence(self, kind: VerdictKind) -> str:
        if kind is VerdictKind.INSUFFICIENT_DATA:
            return too_few(min(self.canary.total, self.stable.total))
        both = f"canary {shown(self.canary)}, stable {shown(self.stable)}"
        if kind is VerdictKind.INCONCLUSIVE or self._evidence is None:
            return both
        return f"{both}: {beyond(self.canary, self.stable, self._evidence, self.alpha)}"

    def to_dict(self) -> JsonObject:
        return {
            "evidence": None if self._evidence is None else self._evidence.tolist(),
            "waiting": [vars(histogram) for histogram in self._waiting],
            "canary": vars(self.canary), "stable": vars(self.stable),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        evidence = optional(list_at, saved, "evidence")
        self._evidence = None if evidence is None else np.asarray(evidence, dtype=float)
        self._mean = 0.0 if self._evidence is None else mean(self._evidence)
        first, second = each(Histogram.of, saved, "waiting")
        self._waiting = (first, second)
        self.canary, self.stable = Histogram.of(object_at(saved, "canary")), Histogram.of(object_at(saved, "stable"))


def mean(parts: Array) -> float:
    """Natural logarithm of the mean of e-values given by theirs."""
    top = float(parts.max())
    return top + math.log(float(np.exp(parts - top).sum()) / parts.size)


def too_few(requests: int) -> str:
    return f"{requests} of the {LEAST} requests per version that a latency comparison needs"


def beyond(canary: Histogram, stable: Histogram, parts: Array, alpha: float) -> str:
    """How many take longer than the bound with the most evidence."""
    bound = canary.bounds[int(parts.max(axis=0).argmax())]
    slow, usual = (h.above(bound) / h.total for h in (canary, stable))
    return (
        f"{slow:.3g} of the canary's requests take more than {format_duration(bound)}, "
        f"{usual:.3g} of stable's, confidence {100 * (1 - alpha):.4g} %"
    )


def shown(histogram: Histogram) -> str:
    """The 95th percentile's bucket; the histogram does not say where between its bounds."""
    index = histogram.quantile_index(0.95)
    if index is None:
        return "–"
    if index == len(histogram.bounds):
        return f"p95 above {format_duration(histogram.bounds[-1])}"
    low = histogram.bounds[index - 1] if index else 0.0
    return f"p95 between {format_duration(low)} and {format_duration(histogram.bounds[index])}"
