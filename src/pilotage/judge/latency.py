"""Compares whole distributions of durations from histogram buckets, and may be looked at for ever.

Within one look, pool the requests of both versions. Were they alike, which of the pooled requests are the canary's
would be a draw without replacement. For a number a_k for each bucket, growing with the duration, let S be the sum over
the canary's n requests. By Hoeffding (JASA 1963, theorem 4) E exp(S) is at most (Σ f_k exp(a_k))ⁿ, f_k the pooled
share of bucket k, so exp(S) over that is an e-value; products over looks are an e-process, whatever the traffic or the
split does. Here a_k is a step: `s` beyond a bucket's bound. Every bound and several s run side by side, and their
average is the evidence: a shift of the body shows at a middle bound, a tail at the last ones. If the canary is
stochastically faster, it is smaller still, because the steps rise.

A tolerated slowdown stretches stable's durations before pooling: a bucket's requests lie evenly over the logarithm of
its bounds, and what a stretch carries over the upper bound goes to the bucket above. Where one bucket holds more than
half of stable's requests, or where they begin (the bucket is ten times as dense as the one below), they may all lie
close to its upper bound, and the even share would carry too few over: then all of it moves to where that bound goes.

Routes that differ in speed are compared each with itself (`StrataLatency`): another mix of them is no slowness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pilotage.judge.likelihood import average
from pilotage.model.json import JsonObject, each, entries, list_at, object_at, optional
from pilotage.model.observation import EMPTY, REST, Histogram, Verdict, VerdictKind
from pilotage.model.quantity import format_duration

Array = npt.NDArray[np.float64]

_STEPS = np.log(np.array([1.1, 1.25, 1.5, 2.0, 3.0, 5.0]))
_LEAST = 100
"""Requests of each version below which a look is kept for later: shares of so few are noise."""

_NARROW, _STEEP = 0.5, 10.0
"""A bucket with more than this share of all requests, or this many times as dense as the bucket below: its requests may
all lie close to its upper bound."""


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
        if min(waiting[0].total, waiting[1].total) < _LEAST:
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
        self._mean = _mean(self._evidence)

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
            return _too_few(min(self.canary.total, self.stable.total))
        both = f"canary {_shown(self.canary)}, stable {_shown(self.stable)}"
        if kind is VerdictKind.INCONCLUSIVE or self._evidence is None:
            return both
        return f"{both}: {_beyond(self.canary, self.stable, self._evidence, self.alpha)}"

    def to_dict(self) -> JsonObject:
        return {
            "evidence": None if self._evidence is None else self._evidence.tolist(),
            "waiting": [vars(histogram) for histogram in self._waiting],
            "canary": vars(self.canary), "stable": vars(self.stable),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        evidence = optional(list_at, saved, "evidence")
        self._evidence = None if evidence is None else np.asarray(evidence, dtype=float)
        self._mean = 0.0 if self._evidence is None else _mean(self._evidence)
        first, second = each(Histogram.of, saved, "waiting")
        self._waiting = (first, second)
        self.canary, self.stable = Histogram.of(object_at(saved, "canary")), Histogram.of(object_at(saved, "stable"))


class StrataLatency:
    """A `LatencyJudge` for each route, and one for all of them: half of the evidence is of the same step and bound
    summed over the routes, half the mean over single routes.

    strata: the routes; by default those of the first look. Where there are several, `rest` is one more, and routes that
    come later count there · the others: as of `LatencyJudge`.
    """

    def __init__(
        self,
        tolerated: float = 1.05,
        alpha: float = 0.001,
        metric: str = "latency",
        least: float = 0.0,
        least_share: float = 0.0,
        strata: Sequence[str] = (),
    ) -> None:
        self.metric, self.alpha = metric, alpha
        self._options = {"tolerated": tolerated, "alpha": alpha, "least": least, "least_share": least_share}
        self._judges: dict[str, LatencyJudge] = {}
        self._known: float | None = None
        self._route()
        self.canary, self.stable = EMPTY, EMPTY
        if strata:
            self._fix(strata)

    def _route(self) -> LatencyJudge:
        return LatencyJudge(metric=self.metric, **self._options)

    def _fix(self, names: Sequence[str]) -> None:
        several = (*names, REST) if len(names) > 1 else tuple(names)
        self._judges = {name: self._route() for name in several}

    def update(self, canary: Mapping[str, Histogram], stable: Mapping[str, Histogram], trust: float = 1.0) -> Verdict:
        """Take in each route's durations since the last update and say what is known now. trust: as of
        `LatencyJudge.update`."""
        self.take_in(canary, stable, trust)
        return self.verdict()

    def take_in(self, canary: Mapping[str, Histogram], stable: Mapping[str, Histogram], trust: float = 1.0) -> None:
        """As `update`, without the verdict."""
        if not self._judges:
            self._fix(tuple(dict.fromkeys((*canary, *stable))) or (REST,))
        ours, theirs = self._by_route(canary), self._by_route(stable)
        for name, judge in self._judges.items():
            if judge.take_in(ours[name], theirs[name], trust):
                self._known = None
            self.canary, self.stable = self.canary.plus(ours[name]), self.stable.plus(theirs[name])

    def _by_route(self, found: Mapping[str, Histogram]) -> dict[str, Histogram]:
        known = dict.fromkeys(self._judges, EMPTY)
        rest = REST if REST in known else next(iter(known))
        for name, histogram in found.items():
            route = name if name in known else rest
            known[route] = known[route].plus(histogram)
        return known

    def evidence(self) -> float:
        """Natural logarithm of the e-value against "on no route slower than tolerated"."""
        if self._known is None:
            whole = self._whole()
            single = [judge.evidence() for judge in self._judges.values()]
            self._known = 0.0 if whole is None else average((_mean(whole), average(single)))
        return self._known

    def _whole(self) -> Array | None:
        """Evidence of all routes together, a step a row and a bound a column."""
        parts = [judge.parts for judge in self._judges.values() if judge.parts is not None]
        return np.sum(parts, axis=0) if parts else None

    def worst_route(self) -> tuple[str, float]:
        """The route with the most evidence of its own, and that evidence."""
        found = {name: judge.evidence() for name, judge in self._judges.items()}
        worst = max(found, key=found.__getitem__, default="")
        return worst, found.get(worst, 0.0)

    def verdict(self) -> Verdict:
        """What is known now; evidence of safety is not sought."""
        return Verdict(
            self.metric, self._kind(), self.sentence, evidence=self.evidence(), samples=self.canary.total,
            canary=_shown(self.canary), stable=_shown(self.stable),
        )  # fmt: skip

    def _kind(self) -> VerdictKind:
        if min(self.canary.total, self.stable.total) < _LEAST:
            return VerdictKind.INSUFFICIENT_DATA
        return VerdictKind.FAIL if self.evidence() >= math.log(1 / self.alpha) else VerdictKind.INCONCLUSIVE

    @property
    def sentence(self) -> str:
        """What is known now, in words."""
        kind = self._kind()
        if kind is VerdictKind.INSUFFICIENT_DATA:
            return _too_few(min(self.canary.total, self.stable.total))
        whole = self._whole()
        both = f"canary {_shown(self.canary)}, stable {_shown(self.stable)}"
        if kind is VerdictKind.INCONCLUSIVE or whole is None:
            return both
        route, evidence = self.worst_route()
        if len(self._judges) > 1 and evidence >= _mean(whole):
            judge = self._judges[route]
            found = judge.parts if judge.parts is not None else whole
            return f"{both}: on {route} {_beyond(judge.canary, judge.stable, found, self.alpha)}"
        return f"{both}: {_beyond(self.canary, self.stable, whole, self.alpha)}"

    def to_dict(self) -> JsonObject:
        return {
            "routes": {name: judge.to_dict() for name, judge in self._judges.items()},
            "canary": vars(self.canary), "stable": vars(self.stable),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        routes = entries(object_at, saved, "routes")
        self._judges, self._known = {name: self._route() for name in routes}, None
        for name, judge in self._judges.items():
            judge.restore(routes[name])
        self.canary, self.stable = Histogram.of(object_at(saved, "canary")), Histogram.of(object_at(saved, "stable"))


def stretched(histogram: Histogram, factor: float, least: float = 0.0) -> Array:
    """Expected counts when every duration is `factor` ≥ 1 times as long, and at least `least` ≥ 0 seconds longer; the
    last, open bucket keeps what it has."""
    counts = np.asarray(histogram.counts, dtype=float)
    if (factor == 1 and not least) or not histogram.bounds:
        return counts
    widths, evenly, whole = _stretch(histogram.bounds, factor, least)
    bounded = counts[:-1]
    close = _close_to_upper(counts, widths)
    moved: Array = np.where(close, 0.0, bounded) @ evenly + np.where(close, bounded, 0.0) @ whole
    moved[-1] += counts[-1]
    return moved


@lru_cache(maxsize=64)
def _stretch(bounds: tuple[float, ...], factor: float, least: float) -> tuple[Array, Array, Array]:
    """Widths of the buckets on the scale of logarithms, and where their requests go, a row a bucket: those that lie
    evenly over it, and those close to its upper bound."""
    uppers = np.asarray(bounds)
    lowers = np.concatenate([[uppers[0] / 2], uppers[:-1]])
    widths = np.log(uppers / lowers)
    # A duration stays at or below a bound when, before the stretch, it was at or below this.
    kept = np.minimum(uppers / factor, uppers - least)
    below = np.log(np.clip(kept, lowers[:, None], uppers[:, None]) / lowers[:, None]) / widths[:, None]
    evenly = np.diff(below, prepend=0.0, append=1.0, axis=1)
    longest = np.maximum(uppers * factor, uppers + least)
    whole = np.zeros((len(bounds), len(bounds) + 1))
    whole[np.arange(len(bounds)), np.searchsorted(uppers, longest * (1 - 1e-9))] = 1.0
    return widths, evenly, whole


def _close_to_upper(counts: Array, widths: Array) -> npt.NDArray[np.bool_]:
    """Of which buckets all requests may lie close to the upper bound; widths: on the scale of logarithms."""
    density = counts[:-1] / widths
    # Below the first bucket there is nothing: that it is denser says nothing.
    below = np.concatenate([density[:1], density[:-1]])
    found: npt.NDArray[np.bool_] = density > _STEEP * below
    found |= counts[:-1] > _NARROW * counts.sum()
    return found


def _mean(parts: Array) -> float:
    """Natural logarithm of the mean of e-values given by theirs."""
    top = float(parts.max())
    return top + math.log(float(np.exp(parts - top).sum()) / parts.size)


def _too_few(requests: int) -> str:
    return f"{requests} of {_LEAST} requests of each version that a comparison of durations needs"


def _beyond(canary: Histogram, stable: Histogram, parts: Array, alpha: float) -> str:
    """How many take longer than the bound with the most evidence."""
    bound = canary.bounds[int(parts.max(axis=0).argmax())]
    slow, usual = (h.above(bound) / h.total for h in (canary, stable))
    return (
        f"{slow:.3g} of the canary's requests take more than {format_duration(bound)}, "
        f"{usual:.3g} of stable's, sure at {100 * (1 - alpha):.4g} %"
    )


def _shown(histogram: Histogram) -> str:
    """The 95th percentile's bucket: what lies between its bounds, the histogram hides."""
    index = histogram.quantile_index(0.95)
    if index is None:
        return "–"
    if index == len(histogram.bounds):
        return f"p95 above {format_duration(histogram.bounds[-1])}"
    low = histogram.bounds[index - 1] if index else 0.0
    return f"p95 between {format_duration(low)} and {format_duration(histogram.bounds[index])}"
