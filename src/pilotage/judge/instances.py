"""Finds the one instance that has the errors: is the canary harmful without it?

With one instance, "it broke" and "the release is bad" are the same data. With several, the canary is judged once as a
whole and once without each of them, always against all of stable. If all but one instance are like stable's, the
evidence without that one is an e-process, whatever it does.

An instance is named for its recent errors: the hour before its failure says nothing about the failure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.sums import Sums
from pilotage.model.json import JsonObject, number_at, object_at, optional, pair_at

_MOST = 2 / 3
"""Share of the canary's recent errors that a failing instance has."""

_UNLIKELY = 1.5
"""Of few errors most may be one instance's by chance. −log of Chernoff's bound on that chance, which must be smaller.
Of releases that harm both of two instances alike, one in eleven or fewer is then tried once more."""

_HALF_LIFE = 60.0
"""Seconds (or looks, where no times are known) after which an error counts half in that share."""


class InstanceStream:
    """Streaming: `update` at each look, `ill` whenever the canary is called harmful.

    tolerated_ratio, alpha, clustered: as of `CountJudge` and `CountStream`.
    """

    def __init__(self, tolerated_ratio: float = 1.25, alpha: float = 0.001, *, clustered: bool = False) -> None:
        self._ratio, self._alpha, self._clustered = tolerated_ratio, alpha, clustered
        self._whole = self._stream()
        self._without: dict[str, CountStream] = {}
        self._highest: dict[str, float] = {}
        # Bad events and requests of late, which fade.
        self._counts: dict[str, tuple[float, float]] = {}
        self._at: float | None = None

    def _stream(self) -> CountStream:
        return CountStream(CountJudge(self._ratio, self._alpha), clustered=self._clustered)

    def update(
        self, canary: Mapping[str, tuple[int, int]], stable_bad: int, stable_total: int, at: float | None = None
    ) -> None:
        """Add a look. canary: bad events and requests of each of its instances since the last look · at: seconds."""
        for instance in canary:
            self._meet(instance)
        faded = self._faded(at)
        bad, total = (sum(counts[part] for counts in canary.values()) for part in (0, 1))
        for instance, stream in self._without.items():
            its_bad, its_total = canary.get(instance, (0, 0))
            self._feed(stream, Sums(bad - its_bad, total - its_total, stable_bad, stable_total), at)
            self._highest[instance] = max(self._highest[instance], stream.evidence())
            before = self._counts[instance]
            self._counts[instance] = faded * before[0] + its_bad, faded * before[1] + its_total
        self._feed(self._whole, Sums(bad, total, stable_bad, stable_total), at)

    def _faded(self, at: float | None) -> float:
        """What is left of an earlier look's counts."""
        passed = 1.0 if at is None or self._at is None else max(0.0, at - self._at)
        self._at = at
        return float(2 ** (-passed / _HALF_LIFE))

    def _feed(self, stream: CountStream, look: Sums, at: float | None) -> None:
        stream.take_in(look, at=at)

    def _meet(self, instance: str) -> None:
        """Until an instance had its first request, the canary without it was the whole canary."""
        if instance in self._without:
            return
        stream = self._stream()
        stream.restore(self._whole.to_dict())
        self._without[instance], self._counts[instance] = stream, (0, 0)
        self._highest[instance] = stream.evidence()

    def ill(self) -> str:
        """The instance with most of the canary's recent errors, more than by chance, and without which the evidence
        never reached the bar; empty if there is none, or if fewer than two instances got requests."""
        asked = {instance: counts for instance, counts in self._counts.items() if counts[1]}
        errors, requests = (sum(counts[part] for counts in asked.values()) for part in (0, 1))
        if len(asked) < 2 or not errors:
            return ""
        worst = max(asked, key=lambda instance: asked[instance][0])
        share, usual = asked[worst][0] / errors, asked[worst][1] / requests
        if share < _MOST or errors * _divergence(share, usual) < _UNLIKELY:
            return ""
        return worst if self._highest[worst] < math.log(1 / self._alpha) else ""

    def rate_without(self, instance: str) -> float:
        """The error rate of late, 0…1, of all instances but this one; 0 where they had no requests."""
        others = [counts for name, counts in self._counts.items() if name != instance]
        total = sum(count for _, count in others)
        return sum(bad for bad, _ in others) / total if total else 0.0

    def evidence(self) -> float:
        """Natural logarithm of the e-value for harm by the whole canary."""
        return self._whole.evidence()

    def evidence_without(self, instance: str) -> float:
        """The same without this instance. Raises KeyError where it is not known."""
        return self._without[instance].evidence()

    def forget(self, instance: str) -> None:
        """This instance was taken out: from now on the canary is what is left of it.

        What was judged without one of the others still holds this one's errors; those start again.
        """
        if instance not in self._without:
            return
        self._whole = self._without.pop(instance)
        del self._highest[instance], self._counts[instance]
        for other in self._without:
            self._without[other], self._counts[other] = self._stream(), (0, 0)
            self._highest[other] = 0.0

    def to_dict(self) -> JsonObject:
        return {
            "whole": self._whole.to_dict(),
            "at": self._at,
            "instances": {
                instance: {
                    "without": stream.to_dict(),
                    "highest": self._highest[instance],
                    "counts": list(self._counts[instance]),
                }
                for instance, stream in self._without.items()
            },
        }

    def restore(self, saved: JsonObject) -> None:
        self._whole.restore(object_at(saved, "whole"))
        self._without, self._highest, self._counts, self._at = {}, {}, {}, optional(number_at, saved, "at")
        for instance, part in object_at(saved, "instances").items():
            stream = self._stream()
            stream.restore(object_at(part, "without"))
            self._without[instance], self._highest[instance] = stream, number_at(part, "highest")
            self._counts[instance] = pair_at(part, "counts")


def _divergence(share: float, usual: float) -> float:
    """Kullback and Leibler's, of a coin with `share` from one with `usual`; 0 where `share` is the smaller."""
    if share <= usual:
        return 0.0
    rest = (1 - share) * math.log((1 - share) / (1 - usual)) if share < 1 else 0.0
    return share * math.log(share / usual) + rest
