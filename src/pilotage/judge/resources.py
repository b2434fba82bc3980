"""What instances take: memory (a limit, and growth) and processor, canary against stable (R19)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pilotage.judge.gauges import GaugeJudge
from pilotage.model.json import (
    JsonObject,
    entries,
    list_at,
    number_at,
    object_at,
    optional,
    pair_at,
    truth_at,
    whole_at,
)
from pilotage.model.observation import Health, Instance, Verdict, VerdictKind
from pilotage.model.plan import Plan

_GROWN = 1.1
"""Smaller growth of memory since the warm-up is not harm yet."""

_MEMORY_READINGS = 3
"""One reading of memory may be a garbage collector's high tide; so many in a row are not."""

_IDLE = 0.05
"""Shares of a core below this are taken for this: an instance that does next to nothing is no yardstick."""


class Age:
    """How long the canary's instances have been the same number, so that their warm-up is not judged."""

    def __init__(self, warm_up: float) -> None:
        self._warm_up = warm_up
        self._since: tuple[int, float] | None = None

    def update(self, count: int, at: float) -> bool:
        """Whether these instances have just started their warm-up."""
        if self._since is not None and self._since[0] == count:
            return False
        self._since = (count, at)
        return True

    def warm(self, at: float) -> bool:
        return self._since is not None and at - self._since[1] >= self._warm_up

    def to_dict(self) -> JsonObject:
        return {"since": self._since}

    def restore(self, saved: JsonObject) -> None:
        known = optional(list_at, saved, "since")
        self._since = (whole_at(known, 0), number_at(known, 1)) if known else None


class Ages:
    """How warm the canary's instances are in the mean, 0…1, each since it was first seen healthy."""

    def __init__(self, warm_up: float) -> None:
        self._warm_up = warm_up
        self._since: dict[str, float] = {}

    def update(self, instances: Sequence[Instance], version: str, at: float) -> float:
        there = _healthy(instances, version)
        self._since = {i.id: self._since.get(i.id, at) for i in there}
        if not there or not self._warm_up:
            return 1.0
        return sum(min(1.0, (at - since) / self._warm_up) for since in self._since.values()) / len(there)

    def to_dict(self) -> JsonObject:
        return {"since": self._since}

    def restore(self, saved: JsonObject) -> None:
        self._since = entries(number_at, saved, "since")


class MemoryJudge:
    """Memory: `rollback_triggers.memory_factor` as a limit on three readings in a row, and growth as a test."""

    def __init__(self, plan: Plan, new: str, old: str | None, alpha: float) -> None:
        self._new, self._old = new, old
        self._factor = plan.number("rollback_triggers.memory_factor")
        self._growth = GaugeJudge("memory", self._factor, alpha)
        self._age = Age(plan.number("analysis.warmup_duration"))
        self._grown_up: float | None = None
        self._high = 0
        # Looks may follow each other immediately after an event: those are one reading.
        self._apart, self._counted = 0.9 * plan.number("rollout.interval"), -math.inf
        self._stable: float | None = None
        self._last: tuple[float, float] | None = None
        self._beside = False

    def observe(self, instances: Sequence[Instance], at: float, compared: str | None = None) -> None:
        """compared: fresh instances of stable, which take its place."""
        canary, stable = (
            _mean([i.memory for i in _healthy(instances, version) if i.memory])
            for version in (self._new, compared or self._old)
        )
        beside = self._beside = stable is not None
        # Where the old version is gone already, what its instances took last is the yardstick.
        self._stable = stable = stable if beside else self._stable
        if canary is None or stable is None:
            return
        self._last = (canary, stable)
        if at - self._counted >= self._apart:
            self._counted = at
            self._high = self._high + 1 if canary > self._factor * stable else 0
        if self._age.update(len(_healthy(instances, self._new)), at):
            self._grown_up = None
            self._growth.forget()
        elif beside and self._age.warm(at):
            self._grown_up = self._grown_up or canary
            self._growth.update(canary, stable)

    def verdict(self) -> Verdict:
        if self._last is None:
            alone = self._old is None
            kind = VerdictKind.PASS if alone else VerdictKind.INSUFFICIENT_DATA
            return Verdict(
                "memory",
                kind,
                "no stable version to compare with" if alone else "no memory data of both versions yet",
            )
        canary, stable = self._last
        words = f"canary {_megabytes(canary)} per instance, stable {_megabytes(stable)}"
        failed = self._high >= _MEMORY_READINGS
        growth = self._growth.verdict()
        leaks = growth.kind is VerdictKind.FAIL and canary > _GROWN * (self._grown_up or math.inf)
        if failed:
            words = f"{words}: more than {self._factor:g} times as much"
        elif leaks:
            words = f"{words}: it grows compared with stable, from {_megabytes(self._grown_up or 0)} after its warm-up"
        if not self._beside:
            words = f"{words} (last measurement)"
        return Verdict(
            "memory",
            VerdictKind.FAIL if failed or leaks else VerdictKind.PASS,
            words,
            ratio=canary / stable,
            evidence=growth.evidence,
            canary=_megabytes(canary),
            stable=_megabytes(stable),
            past=not self._beside,
        )

    def to_dict(self) -> JsonObject:
        return {
            "growth": self._growth.to_dict(),
            "age": self._age.to_dict(),
            "grown_up": self._grown_up,
            "high": self._high,
            "stable": self._stable,
            "last": self._last,
            "beside": self._beside,
        }

    def restore(self, saved: JsonObject) -> None:
        self._beside = truth_at(saved, "beside")
        self._growth.restore(object_at(saved, "growth"))
        self._age.restore(object_at(saved, "age"))
        self._grown_up, self._stable = optional(number_at, saved, "grown_up"), optional(number_at, saved, "stable")
        self._high = whole_at(saved, "high")
        self._last = optional(pair_at, saved, "last")


class ProcessorJudge:
    """Processor time against `rollback_triggers.cpu_factor`, an instance and a request: both must be beyond it.

    An instance with fewer requests does less, and one with hardly any spends all its time on idling: either
    measure alone would blame a canary for its share of the traffic. Where stable gets no requests, nothing is compared.
    """

    def __init__(self, plan: Plan, new: str, old: str | None, alpha: float) -> None:
        self._new, self._old = new, old
        self._factor = plan.number("rollback_triggers.cpu_factor")
        # The ratio takes stable's place: how long it remembers is what its blocks must outlast.
        self._judge = GaugeJudge("cpu", 1 / self._factor, alpha, higher_is_worse=False, judge_slope=False)
        self._age = Age(plan.number("analysis.warmup_duration"))
        self._before: dict[str, float] = {}
        self._at = 0.0
        self._last: tuple[float, float] | None = None

    def observe(
        self, instances: Sequence[Instance], requests: Mapping[str, int], at: float, compared: str | None = None
    ) -> None:
        """requests: answered by each version since the last look · compared: instead of stable."""
        old = compared or self._old
        spent = {i.id: i.cpu for i in instances if i.cpu is not None and i.health is Health.HEALTHY}
        canary, stable = (self._share(instances, spent, version, at) for version in (self._new, old))
        self._before, self._at = spent, at
        young = self._age.update(len(_healthy(instances, self._new)), at)
        asked_canary, asked_stable = requests.get(self._new, 0), requests.get(old or "", 0)
        if canary is None or stable is None or not asked_canary or not asked_stable:
            return
        self._last = (canary[0], stable[0])
        if young or not self._age.warm(at):
            return
        an_instance = max(canary[0], _IDLE) / max(stable[0], _IDLE)
        a_request = max(canary[1], 1e-9) / asked_canary / (max(stable[1], 1e-9) / asked_stable)
        self._judge.update(1.0, min(an_instance, a_request))

    def _share(
        self, instances: Sequence[Instance], spent: Mapping[str, float], version: str | None, at: float
    ) -> tuple[float, float] | None:
        """Cores an instance, and cores of all of them, since the last look."""
        known = [i.id for i in instances if i.version == version and i.id in spent and i.id in self._before]
        if not known or at <= self._at:
            return None
        cores = sum(max(0.0, spent[i] - self._before[i]) for i in known) / (at - self._at)
        return cores / len(known), cores

    def verdict(self) -> Verdict | None:
        """None if the fleet reports no processor time."""
        if self._last is None:
            return None
        canary, stable = (f"{100 * share:.3g} % of a core" for share in self._last)
        judged = self._judge.verdict()
        failed = judged.kind is VerdictKind.FAIL
        words = f"canary {canary} per instance, stable {stable}"
        if failed:
            words = f"{words}: more than {self._factor:g} times as much per instance and request"
        kind = VerdictKind.FAIL if failed else VerdictKind.PASS
        return Verdict("cpu", kind, words, evidence=judged.evidence, canary=canary, stable=stable)

    def to_dict(self) -> JsonObject:
        return {
            "judge": self._judge.to_dict(),
            "age": self._age.to_dict(),
            "before": self._before,
            "at": self._at,
            "last": self._last,
        }

    def restore(self, saved: JsonObject) -> None:
        self._judge.restore(object_at(saved, "judge"))
        self._age.restore(object_at(saved, "age"))
        self._before, self._at = entries(number_at, saved, "before"), number_at(saved, "at")
        self._last = optional(pair_at, saved, "last")


def _healthy(instances: Sequence[Instance], version: str | None) -> list[Instance]:
    return [i for i in instances if i.version == version and i.health is Health.HEALTHY]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
