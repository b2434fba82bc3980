"""Durations of several routes, each compared with itself: another mix of routes is no slowness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pilotage.judge.latency import LEAST, LatencyJudge, beyond, mean, shown, too_few
from pilotage.judge.likelihood import average
from pilotage.judge.stretching import Array
from pilotage.model.json import JsonObject, entries, object_at
from pilotage.model.observation import EMPTY, REST, Histogram, Verdict, VerdictKind


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
            self._known = 0.0 if whole is None else average((mean(whole), average(single)))
        return self._known

    def _whole(self) -> Array | None:
        """Evidence of all routes together, a step a row and a bound a column."""
        parts = [judge.parts for judge in self._judges.values() if judge.parts is not None]
        return np.sum(parts, axis=0) if parts else None

    def worst_route(self) -> tuple[str, float]:
        """The route with the most evidence, and that evidence."""
        found = {name: judge.evidence() for name, judge in self._judges.items()}
        worst = max(found, key=found.__getitem__, default="")
        return worst, found.get(worst, 0.0)

    def verdict(self) -> Verdict:
        """What is known now; evidence of safety is not sought."""
        return Verdict(
            self.metric, self._kind(), self.sentence, evidence=self.evidence(), samples=self.canary.total,
            canary=shown(self.canary), stable=shown(self.stable),
        )  # fmt: skip

    def _kind(self) -> VerdictKind:
        if min(self.canary.total, self.stable.total) < LEAST:
            return VerdictKind.INSUFFICIENT_DATA
        return VerdictKind.FAIL if self.evidence() >= math.log(1 / self.alpha) else VerdictKind.INCONCLUSIVE

    @property
    def sentence(self) -> str:
        """The current result, in words."""
        kind = self._kind()
        if kind is VerdictKind.INSUFFICIENT_DATA:
            return too_few(min(self.canary.total, self.stable.total))
        whole = self._whole()
        both = f"canary {shown(self.canary)}, stable {shown(self.stable)}"
        if kind is VerdictKind.INCONCLUSIVE or whole is None:
            return both
        route, evidence = self.worst_route()
        if len(self._judges) > 1 and evidence >= mean(whole):
            judge = self._judges[route]
            found = judge.parts if judge.parts is not None else whole
            return f"{both}: on {route} {beyond(judge.canary, judge.stable, found, self.alpha)}"
        return f"{both}: {beyond(self.canary, self.stable, whole, self.alpha)}"

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
