"""Judges how long requests take: whole distributions, and how many are slower than a bound that is fixed once known.

Next to stable, both add evidence. Without it, a result worse than stable's past is only labelled so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pilotage.judge.bar import WEIGHTS
from pilotage.judge.look import Look, durations_by_route, slow_by_route
from pilotage.judge.onset import Onset
from pilotage.judge.past import PastLevel
from pilotage.judge.rate_words import both_of, confidence, names_route, rate_of
from pilotage.judge.strata import StrataStream
from pilotage.judge.strata_latency import StrataLatency
from pilotage.judge.sums import Sums
from pilotage.model.json import JsonObject, entries, number_at, object_at, optional, whole_at
from pilotage.model.observation import EMPTY, REST, Histogram, Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration

SLOW = "slow requests"
_SLOW_SHARE = 0.05
"""A 95th percentile is a bound that 5 % of requests exceed."""

LEAST_MARGIN = 3.0
"""How many times its past level a rate may be at least, where nothing runs next to the new version: its instances get
another share of the traffic than stable's ever did, which no history of stable shows."""


class Slowness:
    """alpha: of the whole release; `bar.WEIGHTS` shares it out · routes: names that were fixed before the first look ·
    alone: there is no stable version."""

    def __init__(self, plan: Plan, alpha: float, *, routes: Sequence[str], alone: bool) -> None:
        self._plan, self._alpha, self._routes, self._alone = plan, alpha, tuple(routes), alone
        self._ratio = plan.number("analysis.max_ratio")
        self._past_slow, self._past = PastLevel(), EMPTY
        self._bound: float | None = None
        self.begin_phase()
        self.begin_again()

    def begin_phase(self) -> None:
        """Forget what counts towards advancing."""
        self._phase_slow, self._phase_durations = Sums(), EMPTY

    def begin_again(self) -> None:
        """Forget the evidence of harm. What is known of stable stays."""
        plan, alpha, ratio = self._plan, self._alpha, self._ratio
        self._slow = StrataStream(ratio, alpha * WEIGHTS["slow"], metric=SLOW)
        self._onset = Onset()
        self._latency = StrataLatency(
            plan.number("rollback_triggers.response_time_factor"),
            alpha * WEIGHTS["durations"],
            metric=SLOW,
            least=plan.number("analysis.min_response_time_difference", 0.01),
            least_share=plan.number("analysis.min_response_time_share", 0.1),
            strata=(*self._routes, REST),
        )

    def observe(self, look: Look) -> None:
        canary, stable = look.canary.durations, look.stable.durations
        self._phase_durations = self._phase_durations.plus(canary)
        if self._bound is None:
            self._past = self._past.plus(stable)
            self._bound = self._slow_bound()
        if look.control and canary.bounds and stable.bounds:
            ours, theirs = durations_by_route(look.canary), durations_by_route(look.stable)
            self._latency.take_in(ours, theirs, look.trust)
        if self._bound is None:
            return
        counts = slow_by_route(look.canary, look.stable, self._routes, self._bound)
        total = Sums()
        for part in counts.values():
            total = total.plus(part)
        self._phase_slow = self._phase_slow.plus(total)
        usual = self._past_slow.level()
        tolerated = self._ratio * (_SLOW_SHARE if usual is None else usual)
        self._onset.update(look.at, total.canary_bad, tolerated * total.canary_total)
        if look.control:
            self._slow.take_in(counts, at=look.at, trust=look.trust)
        if total.stable_total:
            self._past_slow.update(look.at, total.stable_bad, total.stable_total)

    def _slow_bound(self) -> float | None:
        """Seconds beyond which a request is slow: R18's factor times the past 95th percentile of stable, at least the
        difference that matters more, rounded up to a bucket's bound. Fixed once known: a bound that followed the data
        would not be one."""
        past, plan = self._past, self._plan
        if self._alone:
            return next((b for b in past.bounds if b >= plan.number("success_criteria.response_time_p95")), None)
        if past.total < plan.number("analysis.min_requests"):
            return None
        usual = past.quantile_bound(1 - _SLOW_SHARE)
        if usual is None:
            return None
        slow = max(usual * plan.number("rollback_triggers.response_time_factor"), self._matters(usual))
        return next((b for b in past.bounds if b >= slow), None)

    def _matters(self, usual: float) -> float:
        """The shortest duration that is longer than `usual` by what matters, in seconds."""
        plan = self._plan
        share = plan.number("analysis.min_response_time_share", 0.1)
        return max(usual * (1 + share), usual + plan.number("analysis.min_response_time_difference", 0.01))

    def evidences(self) -> dict[str, float]:
        """Natural logarithms of the e-values for harm, by the names of `bar.WEIGHTS`."""
        return {"durations": self._latency.evidence(), "slow": self._slow.evidence()}

    def verdict(self, *, harmful: bool, control: bool, alone_for: float) -> Verdict:
        """harmful: the release's bar is reached, and durations are what reached it · control: stable runs next to it ·
        alone_for: seconds since it did."""
        usual, past = (part.quantile_bound(1 - _SLOW_SHARE) for part in (self._phase_durations, self._past))
        verdict = Verdict(
            SLOW,
            VerdictKind.INCONCLUSIVE,
            self._latency.sentence,
            evidence=max(self._latency.evidence(), self._slow.evidence()),
            samples=self._phase_durations.total,
            canary=f"p95 ≤ {format_duration(usual)}" if usual else "–",
            stable=f"p95 ≤ {format_duration(past)}" if past else "–",
            since=self._onset.since,
        )
        if harmful:
            # Being slower is never critical by itself: R20 calls it a warning.
            return replace(verdict, kind=VerdictKind.FAIL, sentence=self._words())
        return self._advance(verdict, usual, past, control=control, alone_for=alone_for)

    def _words(self) -> str:
        """The sentence of the statistic that has more evidence, with the route."""
        if self._latency.evidence() >= self._slow.evidence():
            words, (route, _) = self._latency.sentence, self._latency.worst_route()
        else:
            sums, (route, _) = self._slow.sums, self._slow.worst_route()
            words = f"slower than {format_duration(self._bound or 0)}: {both_of(sums)}"
        words = (
            words
            if "confidence" in words
            else f"{words}: more than {self._ratio:g} times that of stable, {confidence(self._alpha)}"
        )
        return f"{words}; most on {route}" if names_route(self._routes, route) else words

    def _advance(
        self, verdict: Verdict, usual: float | None, past: float | None, *, control: bool, alone_for: float
    ) -> Verdict:
        """R13's criterion on this phase's durations, and next to nothing else the past's."""
        limit = self._plan.number("success_criteria.response_time_p95")
        criterion = f"p95 at most {format_duration(limit)}"
        shown = f"p95 at most {format_duration(usual)}" if usual else f"p95 above {self._last_bound()}"
        slow, meets = self._phase_slow, usual is not None and usual <= limit
        if not control and (worse := self._slower_than_the_past(alone_for)):
            return replace(verdict, sentence=worse, past=True)
        if meets:
            return replace(verdict, kind=VerdictKind.PASS, sentence=f"{shown}; required: {criterion}")
        if self._bound is not None and (past is None or past > limit):
            allowed = max(_SLOW_SHARE, self._ratio * (slow.stable_rate if slow.stable_total else 0.0))
            if slow.canary_rate <= allowed:
                words = f"{shown}: stable also misses {criterion}, and the canary is not worse"
                return replace(verdict, kind=VerdictKind.PASS, sentence=words)
        words = f"{shown}; required: {criterion}"
        return replace(verdict, sentence=words, past=not control and not self._alone)

    def _slower_than_the_past(self, alone_for: float) -> str:
        """The sentence that says so, or nothing. The margin is what stable's own history shows at this distance."""
        slow, level = self._phase_slow, self._past_slow.level()
        if self._bound is None or level is None or not slow.canary_total:
            return ""
        margin = max(LEAST_MARGIN, self._past_slow.margin(alone_for) or 0.0)
        if slow.canary_rate <= margin * max(_SLOW_SHARE, level):
            return ""
        now, before = rate_of(slow.canary_bad, slow.canary_total), f"{100 * level:.3g} %"
        return (
            f"slower than {format_duration(self._bound)}: {now} of the requests, {before} of stable's in the past. "
            "There is no stable version to compare with"
        )

    def _last_bound(self) -> str:
        bounds = self._phase_durations.bounds
        return format_duration(bounds[-1]) if bounds else "what is known"

    def to_dict(self) -> JsonObject:
        return {
            "phase_slow": self._phase_slow.to_dict(), "phase_durations": vars(self._phase_durations),
            "past": vars(self._past), "bound": self._bound, "past_slow": self._past_slow.to_dict(),
            "slow": self._slow.to_dict(), "latency": self._latency.to_dict(), "slow_onset": self._onset.to_dict(),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._phase_slow = Sums(**entries(whole_at, saved, "phase_slow"))
        self._phase_durations = Histogram.of(object_at(saved, "phase_durations"))
        self._past, self._bound = Histogram.of(object_at(saved, "past")), optional(number_at, saved, "bound")
        self._past_slow.restore(object_at(saved, "past_slow"))
        self._slow.restore(object_at(saved, "slow"))
        self._latency.restore(object_at(saved, "latency"))
        if (onset := optional(object_at, saved, "slow_onset")) is not None:
            self._onset.restore(onset)  # an earlier version kept none
