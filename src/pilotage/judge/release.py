"""Judges a release on everything at once: errors, slow requests, memory, processor; of users and of synthetic requests.

One threshold decides: the weighted average of the e-values of all tests must reach 1 / `analysis.false_positive_rate`
(`bar`). An average of e-values is one, however the tests depend on each other, and by Ville's inequality a harmless
release reaches the threshold with at most that probability. The failed verdict is that of the test with the largest
share. Between "good enough to advance" (R13) and "bad enough to roll back" (R18) lies inconclusive (C24). Nothing is
concluded from requests that were not split as they should have been, nor from a past without a control next to it.

Synthetic requests are judged separately from those of users, and the worse of the two counts: a healthy answer to a
synthetic request excuses no user's error.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from pilotage.judge.assignment import AssignmentCheck
from pilotage.judge.bar import SIGNALS_SHARE, WEIGHTS, guilty
from pilotage.judge.error_evidence import ERRORS
from pilotage.judge.excuses import Excuses
from pilotage.judge.forecast import time_to_decision
from pilotage.judge.look import Beside, Look, Unit
from pilotage.judge.pace import Pace
from pilotage.judge.resources import Ages, MemoryJudge, ProcessorJudge
from pilotage.judge.silent_log import SilentLog, of_version
from pilotage.judge.slowness import SLOW
from pilotage.judge.sums import History
from pilotage.judge.traffic import TrafficJudge
from pilotage.model.json import JsonObject, find, object_at, pair_at, truth_at
from pilotage.model.observation import Instance, Observation, Reading, RouteCounts, Verdict, VerdictKind
from pilotage.model.plan import Plan

METRICS = (ERRORS, SLOW)
"""What is counted by the metrics source; memory and processor are the fleet's own figures."""

_SYNTHETIC = 0.2
"""Share of the bar that Pilotage's own requests get, where there are any."""


_SETTLED = 5.0
"""Seconds of a phase before its traffic is known well enough for a forecast."""

_MATTERS = 2.0
"""The harm that a forecast is about: twice as many errors."""


def signal_alpha(plan: Plan, signals: int) -> float:
    """The probability of a false rollback that each of so many compared signals may spend."""
    return plan.number("analysis.false_positive_rate") * SIGNALS_SHARE / max(1, signals)


class ReleaseJudge:
    """Streaming: `observe` each reading, `verdicts` at any time; `to_dict` and `restore` survive a restart.

    `begin_phase` resets what counts towards advancing, never the evidence of harm; `begin_again` resets that too, for a
    retry. history: of the service's errors · resources: each version has its own instances, whose memory and processor
    are compared · unit: what is assigned to a version · routes: fixed before the first look · synthetic: Pilotage sends
    synthetic requests · signals: how many compared signals share the false-rollback probability · untold: health
    metrics of R19 that neither source nor fleet provides, so they are not judged.
    """

    def __init__(
        self,
        plan: Plan,
        new: str,
        old: str | None,
        history: History | None = None,
        *,
        resources: bool = True,
        unit: Unit = Unit.REQUEST,
        routes: Sequence[str] = (),
        synthetic: bool = False,
        signals: int = 0,
        untold: Collection[str] = (),
    ) -> None:
        self._new, self._old, self._plan, self._resources = new, old, plan, resources
        self._untold = frozenset(untold)
        self.alpha = plan.number("analysis.false_positive_rate") * (1 - SIGNALS_SHARE if signals else 1)
        self._users = TrafficJudge(plan, self.alpha, unit=unit, history=history, routes=routes, alone=old is None)
        self._ours = TrafficJudge(plan, self.alpha, alone=old is None) if synthetic else None
        self._log = SilentLog()
        self._assignment = AssignmentCheck()
        self._ages = Ages(plan.number("analysis.warmup_duration"))
        self._warm = True
        self._broken = ""
        self._asks_for_requests = True
        self.begin_again()

    def begin_again(self) -> None:
        """Forget all evidence of harm, and this phase's figures: the new version gets its second try."""
        self._pace = Pace()
        for traffic in self._traffic:
            traffic.begin_again()
            traffic.begin_phase()
        plan, alpha = self._plan, self.alpha
        self._memory = MemoryJudge(plan, self._new, self._old, alpha * WEIGHTS["memory"])
        self._processor = ProcessorJudge(plan, self._new, self._old, alpha * WEIGHTS["processor"])
        self._excuses = Excuses(plan, self._new, alpha)

    @property
    def _traffic(self) -> tuple[TrafficJudge, ...]:
        return (self._users, self._ours) if self._ours else (self._users,)

    def begin_phase(self, *, asks_for_requests: bool = True) -> None:
        """asks_for_requests: the phase needs `analysis.min_requests`; a short step of a ramp does not."""
        self._asks_for_requests = asks_for_requests
        for traffic in self._traffic:
            traffic.begin_phase()
        self._pace = Pace()

    # ── what happened ──────────────────────────────────────────────────────────────────────────────────────

    def observe(self, reading: Reading, instances: Sequence[Instance], beside: Beside) -> None:
        """Take in one reading of the metrics source and the fleet's own figures."""
        compared = beside.stable or self._old
        canary = reading.of(self._new)
        stable = reading.of(compared) if compared else Observation("", 0, 0)
        fresh = compared if compared != self._old else None
        trust = self._trust(instances, reading.at, fresh)
        told = self._log.trusted(of_version(reading.failures, self._new), reading.at, canary.errors)
        look = Look(
            at=reading.at, canary=canary, stable=stable, control=beside.stable is not None, odds=beside.odds,
            failures=None if told is None else reading.failures, trust=trust,
        )  # fmt: skip
        self._users.observe(look)
        if self._ours:
            # The router gives each of them to a version by chance, as it does with users.
            self._ours.observe(replace(look, canary=_synthetic(canary), stable=_synthetic(stable), failures=()))
        self._excuses.observe(look)
        if beside.share is not None:
            total = canary.requests + stable.requests
            self._assignment.update(share=beside.share, canary=canary.requests, total=total)
        self._broken = self._assignment.mismatch
        requests = {o.version: o.requests for o in reading.observations}
        self._memory.observe(instances, reading.at, fresh)
        self._processor.observe(instances, requests, reading.at, fresh)
        self._pace.note(reading.at, came=canary.requests > 0)

    def _trust(self, instances: Sequence[Instance], at: float, fresh: str | None) -> float:
        """How much durations of instances this young say: a fresh canary's caches are cold, and it is not to blame for
        that. Compared with instances as fresh as itself, everything."""
        if not self._resources:
            return 1.0
        warmth = self._ages.update(instances, self._new, at)
        self._warm = warmth >= 1
        return 1.0 if fresh else warmth

    def source_failed(self, why: str) -> None:
        """The metrics source gave no usable answer: the judge's trouble, not the release's (rule 5)."""
        self._broken = why

    # ── what it means ──────────────────────────────────────────────────────────────────────────────────────

    def verdicts(self) -> tuple[Verdict, ...]:
        memory, processor = self._of_resources()
        guilty = self._guilty(memory, processor)
        slow = None if "response_time_p95" in self._untold else self._slow_verdict(guilty)
        found = (self._error_verdict(guilty), slow, memory, processor)
        return tuple(self._unless_broken(verdict) for verdict in found if verdict is not None)

    def _guilty(self, memory: Verdict | None, processor: Verdict | None) -> set[str]:
        """The tests that condemn the release, such as `users.errors` and `memory`."""
        evidences, weights = {}, {}
        of_users = 1 - _SYNTHETIC if self._ours else 1.0
        for kind, traffic, share in (("users", self._users, of_users), ("synthetic", self._ours, _SYNTHETIC)):
            for name, value in traffic.evidences().items() if traffic else ():
                evidences[f"{kind}.{name}"], weights[f"{kind}.{name}"] = value, WEIGHTS[name] * share
        for name, verdict in (("memory", memory), ("processor", processor)):
            evidences[name], weights[name] = (verdict.evidence if verdict else 0.0), WEIGHTS[name]
        return guilty(evidences, weights, self.alpha)

    def _unless_broken(self, verdict: Verdict) -> Verdict:
        if not self._broken or verdict.kind is VerdictKind.FAIL or verdict.metric not in METRICS:
            return verdict
        return replace(verdict, kind=VerdictKind.SOURCE_ERROR, sentence=self._broken)

    def _of_resources(self) -> tuple[Verdict | None, Verdict | None]:
        if not self._resources:
            return None, None
        memory = None if "memory_utilization" in self._untold else self._memory.verdict()
        return memory, None if "cpu_utilization" in self._untold else self._processor.verdict()

    def _error_verdict(self, guilty: set[str]) -> Verdict:
        users = self._users.error_verdict(harmful="users.errors" in guilty, breached="users.limit" in guilty)
        above = self._users.evidences()["limit"]
        verdict = self._excuses.excused(self._enough(users, self._users), above_limit=above, warm=self._warm)
        if self._ours:
            harmful, breached = "synthetic.errors" in guilty, "synthetic.limit" in guilty
            ours = self._ours.error_verdict(harmful=harmful, breached=breached)
            verdict = _worse(verdict, self._enough(ours, self._ours))
        lines = self._excuses.reasons.lines
        return replace(verdict, detail=lines) if lines and verdict.kind is not VerdictKind.PASS else verdict

    def _slow_verdict(self, guilty: set[str]) -> Verdict:
        durations = ("durations", "slow")
        users = self._users.slow_verdict(harmful=any(f"users.{name}" in guilty for name in durations))
        verdict = self._enough(users, self._users)
        if self._ours:
            ours = self._ours.slow_verdict(harmful=any(f"synthetic.{name}" in guilty for name in durations))
            verdict = _worse(verdict, self._enough(ours, self._ours))
        return verdict

    def _enough(self, verdict: Verdict, traffic: TrafficJudge) -> Verdict:
        """A phase passes with `analysis.min_requests` of users, or of Pilotage's own where users are too few."""
        least = max(int(self._plan.number("analysis.min_requests")), 1) if self._asks_for_requests else 1
        most = max(part.phase.canary_total for part in self._traffic)
        had = traffic.phase.canary_total
        if verdict.kind is VerdictKind.FAIL or had >= least:
            return verdict
        if most >= least:
            # The other kind of traffic was enough; what these few show still counts.
            return verdict if had else replace(verdict, kind=VerdictKind.PASS, sentence=_NOBODY)
        few = f"{most} of the {least} requests to the new version that this step needs{self._pace.wait(most, least)}"
        words = f"{few}; so far: {verdict.sentence}" if had else few
        return replace(verdict, kind=VerdictKind.INSUFFICIENT_DATA, sentence=words)

    @property
    def ill_instance(self) -> str:
        """`host:port` of the instance with the most errors; empty without one."""
        return self._excuses.reasons.worst_instance

    def forecast(self) -> str:
        """When twice as many errors would be detected, at the traffic of this phase; empty while it is unknown."""
        phase, seconds = self._users.phase, self._pace.seconds
        requests = phase.canary_total + phase.stable_total
        base = self._users.sums
        if seconds < _SETTLED or not self._pace.flows or not phase.canary_total or not phase.stable_total:
            return ""
        if not base.stable_bad:
            return ""
        found = time_to_decision(
            requests=requests / seconds,
            share=phase.canary_total / requests,
            base_rate=base.stable_rate,
            harm=_MATTERS,
            tolerated_ratio=self._plan.number("analysis.max_ratio"),
            alpha=self.alpha * WEIGHTS["errors"],
            dispersion=self._users.dispersion,
            so_far=max(0.0, self._users.evidences()["errors"]),
        )
        return f"twice as many errors would be detected after {found.span} at this traffic" if found.span else ""

    # ── memory ─────────────────────────────────────────────────────────────────────────────────────────────

    def to_dict(self) -> JsonObject:
        """Everything learned so far as plain JSON."""
        return {
            "users": self._users.to_dict(), "synthetic": self._ours.to_dict() if self._ours else None,
            "memory": self._memory.to_dict(), "processor": self._processor.to_dict(),
            "assignment": self._assignment.to_dict(), "ages": self._ages.to_dict(), "warm": self._warm,
            "pace": self._pace.to_list(), "asks": self._asks_for_requests, **self._excuses.to_dict(),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._users.restore(object_at(saved, "users"))
        if self._ours and find(saved, "synthetic"):
            self._ours.restore(object_at(saved, "synthetic"))
        self._memory.restore(object_at(saved, "memory"))
        self._processor.restore(object_at(saved, "processor"))
        self._assignment.restore(object_at(saved, "assignment"))
        self._ages.restore(object_at(saved, "ages"))
        self._warm, self._asks_for_requests = truth_at(saved, "warm"), truth_at(saved, "asks")
        self._excuses.restore(saved)
        self._pace = Pace(*pair_at(saved, "pace"))


_NOBODY = "no requests at this step"
_BADNESS = (
    VerdictKind.PASS, VerdictKind.INSUFFICIENT_DATA, VerdictKind.SOURCE_ERROR, VerdictKind.INCONCLUSIVE,
    VerdictKind.FAIL,
)  # fmt: skip


def _worse(users: Verdict, ours: Verdict) -> Verdict:
    """The worse of two verdicts on one metric: of users, and of synthetic requests, which the sentence then names."""
    if (_BADNESS.index(ours.kind), ours.critical) <= (_BADNESS.index(users.kind), users.critical):
        if users.sentence != _NOBODY:
            return users
        words = f"{_NOBODY} by users; synthetic requests: {ours.sentence}"
        return replace(users, sentence=words, stable=ours.stable, canary=ours.canary)
    return replace(ours, sentence=f"synthetic requests: {ours.sentence}")


def _synthetic(found: Observation) -> Observation:
    ours = found.synthetic or RouteCounts("", 0, 0)
    return Observation(found.version, ours.requests, ours.errors, ours.durations)
