"""A world that obeys a rollout's decisions, for models: instances, a router, hooks and a flag, with faults on demand.

It lives in values and is as fast as they are, and it knows what a port does not tell: how long no request could reach
an instance. What acts through the ports has `pilotage.testing.FakeWorld`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import hypothesis.strategies as st

from pilotage.model.action import Action, Apply, Check, Ensure, Replace, SetFlag
from pilotage.model.flag import OFF, Ramp
from pilotage.model.observation import CheckResult, CheckStatus, Excuse, Health, Instance, Verdict, VerdictKind
from pilotage.model.rollout import Observed
from pilotage.model.traffic import WHOLE, Split

DRAIN = 2.0
ILL = "h:101"
"""The first new instance that was started. Verdicts that excuse an instance name this one."""
GOOD = tuple(Verdict(m, VerdictKind.PASS, "fine") for m in ("error rate", "slow requests", "memory"))


@dataclass
class One:
    """An instance: `out` is for how long no request could reach it."""

    number: int
    health: Health = Health.STARTING
    out: float = 100.0


@dataclass
class World:
    """Instances, a router, hooks and a flag, obedient unless told otherwise; every change is checked."""

    fleet: dict[str, list[One]]
    split: Split | None
    hooks: frozenset[str]
    flag: Ramp = OFF
    sent: dict[str, frozenset[int]] = field(default_factory=dict)
    asked: dict[tuple[str, int], CheckStatus] = field(default_factory=dict)
    failing: bool = False
    router_up: bool = True
    fleet_up: bool = True
    flags_up: bool = True
    obeys: bool = True
    ports: int = 100
    found_ill: set[str] = field(default_factory=lambda: {ILL})

    @classmethod
    def serving(cls, old: str | None, full: int, hooks: frozenset[str] = frozenset()) -> Self:
        """All requests go to `full` instances of `old`, if there was one; there is none of `new`."""
        fleet = {"new": list[One]()}
        if old:
            fleet[old] = [One(n, Health.HEALTHY, 0.0) for n in range(full)]
        sent = {version: frozenset(one.number for one in group) for version, group in fleet.items()}
        return cls(fleet, Split(((old, WHOLE),)) if old else None, hooks, sent=sent)

    def seen(self, verdicts: tuple[Verdict, ...], freeze: str = "") -> Observed:
        instances = tuple(
            Instance(f"{version}-{one.number}", version, "h", one.number, one.health)
            for version, group in self.fleet.items()
            for one in group
        )
        if self.fleet_up:
            self.found_ill |= {f"{i.host}:{i.port}" for i in instances if i.health is Health.UNHEALTHY}
        endpoints = {version: frozenset(("h", n) for n in ports) for version, ports in self.sent.items()}
        trouble = "" if self.router_up and self.fleet_up and self.flags_up else "cannot be read"
        return Observed(
            self.split if self.router_up else None,
            instances if self.fleet_up else None,
            verdicts,
            trouble,
            endpoints if self.router_up else None,
            self.hooks,
            tuple(CheckResult(name, attempt, status, "said so") for (name, attempt), status in self.asked.items()),
            freeze,
            flag=self.flag if self.flags_up else None,
        )

    def living(self, version: str) -> list[One]:
        return [one for one in self.fleet.get(version, []) if one.health is not Health.EXITED]

    def healthy(self, version: str) -> int:
        return sum(one.health is Health.HEALTHY for one in self.fleet.get(version, []))

    def reached(self, version: str) -> frozenset[int]:
        """Who may be sent a request now."""
        if self.split is None or not self.split.reaches(version):
            return frozenset()
        return self.sent.get(version, frozenset())

    def apply(self, action: Apply) -> None:
        if not self.fleet_up:
            return
        keep, sent = dict(action.keep), {}
        for version in self.fleet:
            living = self.living(version)[: keep.get(version)]
            living = [one for one in living if f"h:{one.number}" not in action.without]
            chosen = [one for one in living if one.health is Health.HEALTHY] or living
            # An empty version's endpoints stay as they were: nobody is sent there any more.
            sent[version] = frozenset(one.number for one in chosen) or self.sent.get(version, frozenset())
        if not action.split.closed and any(not sent.get(version) for version, _ in action.split.weights):
            return  # the router refuses to send requests to nobody
        if self.router_up and self.obeys:
            self.split, self.sent = action.split, sent

    def ensure(self, version: str, count: int) -> None:
        if not self.fleet_up:
            return
        group = self.fleet.setdefault(version, [])
        living = self.living(version)
        for one in living[count:]:
            if one.health is Health.HEALTHY:
                assert one.number not in self.reached(version), f"{version} is stopped while requests reach it"
                assert one.out >= DRAIN - 0.001, f"{version} is stopped before its requests could finish"
        group[:] = living[:count]
        while len(group) < count:
            self.ports += 1
            group.append(One(self.ports))

    def replace(self, action: Replace) -> None:
        """It gets no requests and ends; a fresh one comes with the next wish for so many."""
        assert action.version == "new", "stable loses an instance"
        assert action.instance in self.found_ill, "an instance is replaced that was never unhealthy"
        for one in self.fleet.get("new", []):
            if self.fleet_up and f"h:{one.number}" == action.instance:
                one.health = Health.EXITED

    def check(self, action: Check) -> None:
        self.asked.setdefault((action.name, action.attempt), CheckStatus.RUNNING)

    def pass_time(self, seconds: float) -> None:
        for version, group in self.fleet.items():
            for one in group:
                one.out = 0.0 if one.number in self.reached(version) else one.out + seconds
        if seconds:
            for key, status in self.asked.items():
                if status is CheckStatus.RUNNING:
                    self.asked[key] = CheckStatus.FAILED if self.failing else CheckStatus.PASSED

    def mend(self) -> None:
        self.router_up = self.fleet_up = self.flags_up = self.obeys = True
        for group in self.fleet.values():
            for one in group:
                if one.health is not Health.EXITED:
                    one.health = Health.HEALTHY

    def act(self, action: Action) -> None:
        match action:
            case Ensure(version, count):
                self.ensure(version, count)
            case Apply():
                self.apply(action)
            case Check():
                self.check(action)
            case Replace():
                self.replace(action)
            case SetFlag(ramp):
                if self.flags_up:
                    self.flag = ramp


VERDICTS: list[tuple[Verdict, ...]] = [
    GOOD,
    GOOD,
    (Verdict("error rate", VerdictKind.INSUFFICIENT_DATA, "few"), *GOOD[1:]),
    (Verdict("error rate", VerdictKind.SOURCE_ERROR, "down"), *GOOD[1:]),
    (Verdict("error rate", VerdictKind.FAIL, "worse"), *GOOD[1:]),
    (Verdict("error rate", VerdictKind.FAIL, "limit", critical=True), *GOOD[1:]),
    (Verdict("probe /cart", VerdictKind.FAIL, "404", critical=True), *GOOD),
    (Verdict("error rate", VerdictKind.FAIL, "young", excuse=Excuse.WARM_UP), *GOOD[1:]),
    (Verdict("error rate", VerdictKind.FAIL, "ill", excuse=Excuse.INSTANCE, instance=ILL), *GOOD[1:]),
    (Verdict("error rate", VerdictKind.FAIL, "young", excuse=Excuse.WARM_UP, critical=True), *GOOD[1:]),
    (Verdict("error rate", VerdictKind.FAIL, "worse than before", past=True), *GOOD[1:]),
    (Verdict("slow requests", VerdictKind.INCONCLUSIVE, "slower than before?", past=True), *GOOD[1:]),
]
verdict_sets = st.sampled_from(VERDICTS)
