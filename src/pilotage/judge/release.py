"""Judges a release on all its metrics at once: errors, slow requests, the whole of latency, memory, processor.

The probability of ever undoing a harmless release (`judge.false_rollback`) is shared equally by the five tests:
errors, requests slower than stable's past 95th percentile allows, the distribution of durations beside stable's,
growth of memory, processor time (Bonferroni: it holds however the metrics depend on one another). The memory limit is
a limit, not a test. Between "good enough to advance" (R13) and "bad enough to undo" (R18) lies inconclusive (C24).
Nothing is concluded from requests that were not split as they should have been.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pilotage.judge.assignment import AssignmentCheck
from pilotage.judge.counts import CountJudge, CountStream, History, Sums
from pilotage.judge.forecast import time_to_decision
from pilotage.judge.latency import LatencyJudge
from pilotage.judge.resources import Ages, MemoryJudge, ProcessorJudge
from pilotage.model.observation import (
    EMPTY,
    Histogram,
    Instance,
    Observation,
    Reading,
    Verdict,
    VerdictKind,
)
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration, format_share

METRICS = ("error rate", "slow requests")
"""What is counted by the metrics source; memory and processor are the fleet's own figures."""
_SLOW_SHARE = 0.05
"""A 95th percentile is a bound that 5 % of requests exceed."""

TESTS = 5
"""Tests that share the probability of a false rollback."""

_SETTLED = 5.0
"""Seconds of a phase before its traffic is known well enough to foretell anything."""

_MATTERS = 2.0
"""The harm that a forecast is about: twice as many errors."""


class ReleaseJudge:
    """Streaming: `observe` each reading, `verdicts` whenever wanted; `to_dict` and `restore` survive a restart.

    `begin_phase` forgets what counts towards advancing, never the evidence of harm. history: of the service's errors ·
    resources: each version has instances of its own, whose memory and processor are compared · tests: how many share
    the false-rollback probability, these five and those of others beside them.
    """

    def __init__(
        self,
        plan: Plan,
        new: str,
        old: str | None,
        history: History | None = None,
        *,
        resources: bool = True,
        tests: int = TESTS,
    ) -> None:
        self._new, self._old, self._plan, self._resources = new, old, plan, resources
        alpha, ratio = plan.number("judge.false_rollback") / tests, plan.number("judge.tolerated_ratio")
        self._errors = CountStream(CountJudge(ratio, alpha, plan.number("limits.error_rate"), history, METRICS[0]))
        self._slow = CountStream(CountJudge(ratio, alpha, _SLOW_SHARE, metric=METRICS[1]))
        self._latency = LatencyJudge(plan.number("limits.latency_factor"), alpha, metric=METRICS[1])
        self._memory = MemoryJudge(plan, new, old, alpha)
        self._processor = ProcessorJudge(plan, new, old, alpha)
        self._assignment = AssignmentCheck()
        self._ages = Ages(plan.number("judge.warm_up"))
        self._pace = (0.0, 0.0)
        self._past = EMPTY
        self._bound: float | None = None
        self._phase_errors, self._phase_slow = Sums(), Sums()
        self._phase_durations = EMPTY
        self._broken = ""

    def begin_phase(self, *, alone: bool = False) -> None:
        """alone: users will have one version only; what the other did until now is what the new one is compared with,
        fixed before it has had its first request."""
        seen = self._errors.judge.sums
        if alone and seen.canary_total == 0 and seen.stable_total:
            self._errors.judge.learn(seen.stable_bad, seen.stable_total)
        self._phase_errors, self._phase_slow, self._phase_durations = Sums(), Sums(), EMPTY
        self._pace = (0.0, 0.0)

    def observe(
        self, reading: Reading, instances: Sequence[Instance], share: float | None = None, beside: str | None = None
    ) -> None:
        """Take in one reading of the metrics source and the fleet's own figures.

        share: of the requests since the last reading that should have gone to the canary, 0…1; None where that is not
        known, or where it is users rather than requests that are shared out · beside: the fresh instances of stable
        that the canary is compared with now, where there are any.
        """
        canary = reading.of(self._new)
        compared = beside or self._old
        stable = reading.of(compared) if compared else Observation("", 0, 0)
        errors = Sums(canary.errors, canary.requests, stable.errors, stable.requests)
        self._phase_errors = self._phase_errors.plus(errors)
        self._errors.update(**errors.to_dict())
        self._observe_durations(canary.durations, stable.durations, self._trust(instances, reading.at, beside))
        if share is not None:
            self._assignment.update(share=share, canary=canary.requests, total=canary.requests + stable.requests)
        self._broken = self._assignment.mismatch
        requests = {o.version: o.requests for o in reading.observations}
        self._memory.observe(instances, reading.at, beside)
        self._processor.observe(instances, requests, reading.at, beside)
        began = self._pace[0] or reading.at
        self._pace = (began, reading.at - began)

    def source_failed(self, why: str) -> None:
        """The metrics source gave no usable answer: the judge's trouble, not the release's (rule 5)."""
        self._broken = why

    def verdicts(self) -> tuple[Verdict, ...]:
        found = (self._error_verdict(), self._slow_verdict(), *self._of_resources())
        if not self._broken:
            return found
        return tuple(
            verdict if verdict.kind is VerdictKind.FAIL or verdict.metric not in METRICS
            else replace(verdict, kind=VerdictKind.SOURCE_ERROR, sentence=self._broken)
            for verdict in found
        )  # fmt: skip

    def _of_resources(self) -> tuple[Verdict, ...]:
        if not self._resources:
            return ()
        processor = self._processor.verdict()
        return (self._memory.verdict(), *((processor,) if processor else ()))

    def _trust(self, instances: Sequence[Instance], at: float, beside: str | None) -> float:
        """How much durations of instances this young say: a fresh canary's caches are cold, and it is not to blame for
        that. Compared with instances as fresh as itself, everything."""
        if not self._resources or beside:
            return 1.0
        return self._ages.update(instances, self._new, at)

    def _observe_durations(self, canary: Histogram, stable: Histogram, trust: float) -> None:
        if self._bound is None:
            self._past = self._past.plus(stable)
            self._bound = self._slow_bound(self._past)
        self._phase_durations = self._phase_durations.plus(canary)
        if canary.bounds and stable.bounds:
            self._latency.update(canary, stable, trust)
        if self._bound is None:
            return
        slow = Sums(
            canary.above(self._bound) if canary.bounds else 0, canary.total,
            stable.above(self._bound) if stable.bounds else 0, stable.total,
        )  # fmt: skip
        self._phase_slow = self._phase_slow.plus(slow)
        self._slow.judge.trust = trust
        self._slow.update(**slow.to_dict())

    def _slow_bound(self, past: Histogram) -> float | None:
        """Seconds beyond which a request is slow: R18's factor times the past 95th percentile of stable, rounded up
        to a bucket's bound. Fixed once known: a limit that followed the data would not be a limit."""
        if self._old is None:
            return next((b for b in past.bounds if b >= self._plan.number("advance.p95")), None)
        if past.total < self._plan.number("judge.min_requests"):
            return None
        usual = past.quantile_bound(1 - _SLOW_SHARE)
        if usual is None:
            return None
        return next((b for b in past.bounds if b >= usual * self._plan.number("limits.latency_factor")), None)

    def _error_verdict(self) -> Verdict:
        limit = self._plan.number("advance.error_rate")
        return self._advance(
            self._errors.verdict(),
            self._phase_errors,
            meets=self._phase_errors.canary_rate < limit,
            stable_misses=self._phase_errors.stable_rate >= limit,
            criterion=f"errors below {format_share(limit)} (R13)",
        )

    def _slow_verdict(self) -> Verdict:
        limit = self._plan.number("advance.p95")
        usual = self._phase_durations.quantile_bound(1 - _SLOW_SHARE)
        verdict = self._slow.verdict()
        shown = f"p95 ≤ {format_duration(usual)}" if usual else "–"
        past = self._past.quantile_bound(1 - _SLOW_SHARE)
        verdict = replace(
            verdict,
            # Being above stable's factor is never critical by itself: R20 calls it a warning.
            critical=False,
            kind=VerdictKind.FAIL if self._latency.verdict().kind is VerdictKind.FAIL else verdict.kind,
            sentence=self._slow_sentence(verdict),
            canary=shown,
            stable=f"p95 ≤ {format_duration(past)}" if past else "–",
        )
        sums = self._phase_slow
        if self._bound is None:
            sums = Sums(0, self._phase_durations.total, 0, 0)
        not_slower = self._bound is None or sums.canary_rate <= _SLOW_SHARE
        return self._advance(
            verdict,
            sums,
            meets=usual is not None and usual <= limit and not_slower,
            stable_misses=past is None or past > limit or sums.stable_rate > _SLOW_SHARE,
            criterion=f"p95 at most {format_duration(limit)} (R13)",
        )

    def _slow_sentence(self, verdict: Verdict) -> str:
        whole = self._latency.verdict()
        if whole.kind is VerdictKind.FAIL and verdict.kind is not VerdictKind.FAIL:
            return whole.sentence
        if self._bound is None:
            return "too few requests to stable yet to know its usual 95th percentile"
        return f"slower than {format_duration(self._bound)}: {verdict.sentence}"

    def _advance(self, verdict: Verdict, phase: Sums, *, meets: bool, stable_misses: bool, criterion: str) -> Verdict:
        """R13's criteria on this phase's requests; where stable misses one itself, not worse than stable (C2)."""
        least = int(self._plan.number("judge.min_requests"))
        if verdict.kind is VerdictKind.FAIL:
            return verdict
        if phase.canary_total < max(least, 1):
            few = f"{phase.canary_total} of the {least} requests to the canary that this phase needs{self._wait(phase)}"
            return replace(verdict, kind=VerdictKind.INSUFFICIENT_DATA, sentence=f"{few}; {verdict.sentence}")
        if meets:
            return replace(verdict, kind=VerdictKind.PASS, sentence=f"{verdict.sentence}: {criterion}")
        if stable_misses and phase.canary_rate <= self._errors.judge.tolerated_ratio * phase.stable_rate:
            words = f"{verdict.sentence}: stable itself misses {criterion}, the canary is not worse"
            return replace(verdict, kind=VerdictKind.PASS, sentence=words)
        return replace(verdict, kind=VerdictKind.INCONCLUSIVE, sentence=f"{verdict.sentence}: misses {criterion}")

    def _wait(self, phase: Sums) -> str:
        """How long the missing requests will take at the pace of this phase."""
        missing = max(self._plan.number("judge.min_requests"), 1) - phase.canary_total
        if self._pace[1] < 1 or not phase.canary_total:
            return ""
        return (
            f", about {format_duration(math.ceil(missing * self._pace[1] / phase.canary_total))} more at this traffic"
        )

    def forecast(self) -> str:
        """When twice as many errors would be known, at the traffic of this phase; empty while nobody can say."""
        phase, seconds = self._phase_errors, self._pace[1]
        requests = phase.canary_total + phase.stable_total
        base = self._errors.judge.sums
        if seconds < _SETTLED or not phase.canary_total or not phase.stable_total or not base.stable_bad:
            return ""
        judge = self._errors.judge
        found = time_to_decision(
            requests=requests / seconds,
            share=phase.canary_total / requests,
            base_rate=base.stable_rate,
            harm=_MATTERS,
            tolerated_ratio=judge.tolerated_ratio,
            alpha=judge.alpha,
            dispersion=judge.dispersion,
            so_far=max(0.0, judge.harm_evidence()),
        )
        return f"twice as many errors would be known after {found.span} at this traffic" if found.span else ""

    def to_dict(self) -> dict[str, Any]:
        """Everything learned so far as plain JSON."""
        return {
            "errors": self._errors.to_dict(),
            "slow": self._slow.to_dict(),
            "past": vars(self._past),
            "bound": self._bound,
            "phase_errors": self._phase_errors.to_dict(),
            "phase_slow": self._phase_slow.to_dict(),
            "phase_durations": vars(self._phase_durations),
            "memory": self._memory.to_dict(),
            "processor": self._processor.to_dict(),
            "assignment": self._assignment.to_dict(),
            "ages": self._ages.to_dict(),
            "latency": self._latency.to_dict(),
            "pace": self._pace,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self._errors.restore(saved["errors"])
        self._slow.restore(saved["slow"])
        self._past, self._phase_durations = Histogram.of(saved["past"]), Histogram.of(saved["phase_durations"])
        self._bound = saved["bound"]
        self._phase_errors, self._phase_slow = Sums(**saved["phase_errors"]), Sums(**saved["phase_slow"])
        self._memory.restore(saved["memory"])
        self._processor.restore(saved["processor"])
        self._assignment.restore(saved["assignment"])
        self._ages.restore(saved["ages"])
        self._latency.restore(saved["latency"])
        self._pace = (saved["pace"][0], saved["pace"][1])
