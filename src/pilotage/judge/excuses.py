"""Harm that may not be the release's: the bad luck of one instance, or instances that still warm up."""

from __future__ import annotations

import math
from dataclasses import replace

from pilotage.judge.bar import WEIGHTS
from pilotage.judge.instances import InstanceStream
from pilotage.judge.look import Look
from pilotage.judge.reasons import Reasons
from pilotage.model.json import JsonObject, each, entries, object_at, text_at, whole_at
from pilotage.model.observation import Excuse, Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.settling import settled

_ABOVE = math.log(20)
"""Evidence that the critical limit is exceeded at which harm has no excuse any more: three errors of the first ten
requests exceed a limit of 5 % by chance."""


class Excuses:
    """Streaming: `observe` each look, `excused` whenever there is a verdict on errors. alpha: of the whole release."""

    def __init__(self, plan: Plan, new: str, alpha: float) -> None:
        self._plan, self._new = plan, new
        self._instances = InstanceStream(plan.number("analysis.max_ratio"), alpha * WEIGHTS["errors"])
        self._reasons = Reasons()
        self._seen: set[str] = set()
        # Errors by instance whose requests were not in the same reading.
        self._ahead: dict[str, int] = {}

    def observe(self, look: Look) -> None:
        """Errors by instance: from the log where there is one, because it knows what counts as an error."""
        canary, stable, failures = look.canary, look.stable, look.failures
        ours = [f for f in failures or () if f.version == self._new]
        self._reasons.add(ours)
        bad = {part.instance: part.errors for part in canary.instances}
        if failures is not None:
            bad = {part.instance: sum(f.instance == part.instance for f in ours) for part in canary.instances}
        counts = {
            p.instance: (self._settled(p.instance, bad[p.instance], p.requests), p.requests) for p in canary.instances
        }
        self._seen.update(name for name, (_, total) in counts.items() if total)
        if look.control:
            self._instances.update(counts, stable.errors, stable.requests, look.at)

    def _settled(self, instance: str, bad: int, requests: int) -> int:
        """Errors of these requests. A request counts when it is sent, its failure when it is answered."""
        errors, ahead = settled(bad + self._ahead.pop(instance, 0), requests)
        if ahead:
            self._ahead[instance] = ahead
        return errors

    def excused(self, verdict: Verdict, *, above_limit: float, warm: bool) -> Verdict:
        """Harm may be the bad luck of one instance while the others are healthy; unless it is surely above the critical
        limit, also that of the only one, or of instances that still warm up.

        above_limit: the evidence that the critical limit is exceeded · warm: all instances are.
        """
        if verdict.kind is not VerdictKind.FAIL:
            return verdict
        ill = self._instances.ill()
        if ill and self._instances.rate_without(ill) <= self._plan.number("rollback_triggers.error_rate"):
            return _of_one_instance(verdict, ill)
        if verdict.critical or above_limit >= _ABOVE:
            return verdict
        if not warm:
            warm_up = format_duration(self._plan.number("analysis.warmup_duration"))
            words = f"{verdict.sentence}; its instances are still younger than {warm_up}"
            return replace(verdict, excuse=Excuse.WARM_UP, sentence=words)
        only = self._only_instance()
        return _of_one_instance(verdict, only) if only else verdict

    def _only_instance(self) -> str:
        """With one instance, "it broke" and "the release is bad" are the same data."""
        return next(iter(self._seen)) if len(self._seen) == 1 else ""

    @property
    def reasons(self) -> Reasons:
        """What failed, and where."""
        return self._reasons

    def to_dict(self) -> JsonObject:
        return {
            "instances": self._instances.to_dict(),
            "seen_instances": sorted(self._seen),
            "ahead": self._ahead,
            "reasons": self._reasons.to_dict(),
        }

    def restore(self, saved: JsonObject) -> None:
        self._instances.restore(object_at(saved, "instances"))
        self._seen = set(each(text_at, saved, "seen_instances"))
        self._reasons.restore(object_at(saved, "reasons"))
        self._ahead = entries(whole_at, saved, "ahead") if "ahead" in saved else {}  # an earlier version kept none


def _of_one_instance(verdict: Verdict, instance: str) -> Verdict:
    words = f"{verdict.sentence}; all errors come from one instance, {instance}"
    return replace(verdict, critical=False, excuse=Excuse.INSTANCE, instance=instance, sentence=words)
