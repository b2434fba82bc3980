"""Judges the requests of one kind, those of users or Pilotage's own: errors, the limit of errors, and durations.

What counts as one event depends on how requests reach a version (`Unit`). Where every request is assigned anew, a
request is one, whatever errors cluster: the version is a coin for each. Where users stick to a version, their errors
come together, so a *user* is one; without a log that tells users apart, errors are counted cautiously instead.

Only a version that runs beside the new one at the same time is a control. Without one (at 100 %, after a switch) no
comparison adds evidence; the limit still does, and what is worse than the past is said to be worse than the past.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from pilotage.judge.bar import WEIGHTS
from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.dispersion import Dispersion
from pilotage.judge.limit import LimitStream
from pilotage.judge.look import Look, Unit, by_route, durations_by_route, exposure, slow_by_route
from pilotage.judge.past import PastLevel
from pilotage.judge.strata import StrataStream
from pilotage.judge.strata_latency import StrataLatency
from pilotage.judge.sums import History, Sums
from pilotage.judge.users import UserStream
from pilotage.model.json import JsonObject, entries, list_at, number_at, object_at, optional, truth_at, whole_at
from pilotage.model.observation import EMPTY, REST, Failure, Histogram, Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration, format_share


class _Part(Protocol):
    """What keeps sums of its own."""

    def to_dict(self) -> JsonObject: ...

    def restore(self, saved: JsonObject) -> None: ...


ERRORS, SLOW = "error rate", "slow requests"
_SLOW_SHARE = 0.05
"""A 95th percentile is a bound that 5 % of requests exceed."""

_FALLBACK = 0.1
"""Share of the capital for looks in which nothing tells users apart, where usually something does."""

_LEAST_MARGIN = 3.0
"""How many times its past level a rate may be at least, where nothing runs beside the new version: its instances get
another share of the traffic than stable's ever did, which no history of stable shows."""

_RECENT = 10.0
"""Seconds of stable's errors that say whether something hurts both versions now."""

_PROBABLE = math.log(20)
"""Evidence beyond which more of the new version's users meet errors than chance would have it once in 20 times."""

_RETRIES = 11
"""Errors of one user that one failure and ten retries explain."""

_MOST_USERS = 2_000
"""Users of a phase whose errors are told apart."""


class TrafficJudge:
    """Streaming: `observe` each look, then `evidences`, then `verdicts`.

    alpha: of the whole release; `bar.WEIGHTS` shares it out · routes: names that were fixed before the first look ·
    alone: there is no stable version.
    """

    def __init__(
        self,
        plan: Plan,
        alpha: float,
        *,
        unit: Unit = Unit.REQUEST,
        history: History | None = None,
        routes: Sequence[str] = (),
        alone: bool = False,
    ) -> None:
        self._plan, self._alpha, self.unit, self._history = plan, alpha, unit, history
        self._routes, self._alone = tuple(routes), alone
        self._ratio = plan.number("analysis.max_ratio")
        self._bursts = Dispersion(history.dispersion if history else 1.0)
        self._recent: list[tuple[float, int, int]] = []
        self._past_errors, self._past_slow = PastLevel(), PastLevel()
        self._past = EMPTY
        self._ever = Sums()
        self._bound: float | None = None
        self._control, self._lost_log, self._last_at = True, False, 0.0
        self.begin_phase()
        self.begin_again()

    def begin_phase(self) -> None:
        """Forget what counts towards advancing, never the evidence of harm."""
        self.phase, self._phase_slow, self._phase_durations = Sums(), Sums(), EMPTY
        self._phase_users: dict[int, int] = {}
        self._alone_since: float | None = None

    def begin_again(self) -> None:
        """Forget the evidence of harm: the new version gets its second try. What is known of stable stays."""
        plan, alpha, ratio = self._plan, self._alpha, self._ratio
        self.sums = Sums()
        errors = alpha * WEIGHTS["errors"]
        self._strata = StrataStream(ratio, errors, prior=self._history, metric=ERRORS)
        self._users = UserStream(ratio, errors, routes=self._routes)
        self._clustered = CountStream(CountJudge(ratio, errors, prior=self._history, metric=ERRORS), clustered=True)
        self._limit = LimitStream(plan.number("rollback_triggers.error_rate"))
        self._slow = StrataStream(ratio, alpha * WEIGHTS["slow"], metric=SLOW)
        self._latency = StrataLatency(
            plan.number("rollback_triggers.response_time_factor"),
            alpha * WEIGHTS["durations"],
            metric=SLOW,
            least=plan.number("analysis.min_response_time_difference", 0.01),
            least_share=plan.number("analysis.min_response_time_share", 0.1),
            strata=(*self._routes, REST),
        )

    # ── what happened ──────────────────────────────────────────────────────────────────────────────────────

    def observe(self, look: Look) -> None:
        canary, stable = look.canary, look.stable
        new = Sums(canary.errors, canary.requests, stable.errors, stable.requests)
        self.sums, self.phase = self.sums.plus(new), self.phase.plus(new)
        self._ever = self._ever.plus(new)
        self._last_at = look.at
        if canary.requests:
            self._control = look.control
        self._lost_log = self.unit is Unit.USER and look.failures is None
        if look.control or not canary.requests:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = look.at
        ours = [f for f in look.failures or () if f.version == canary.version]
        theirs = [f for f in look.failures or () if f.version == stable.version]
        self._count_users(ours)
        self._limit_errors(look, ours)
        if look.control:
            self._compare_errors(look, ours, theirs)
        if stable.requests:
            self._bursts.update(stable.errors, stable.requests)
            self._past_errors.update(look.at, stable.errors, stable.requests)
        self._observe_durations(look)

    def _limit_errors(self, look: Look, ours: Sequence[Failure]) -> None:
        sticky = self.unit is not Unit.REQUEST
        users = [f.user for f in ours] if sticky else []
        weight = 1 / self._bursts.factor if sticky else 1.0
        allowed = self._ratio * self._recent_of_stable(look) if look.control else 0.0
        self._limit.update(
            at=look.at, bad=look.canary.errors, total=look.canary.requests, users=users, weight=weight, allowed=allowed
        )

    def _recent_of_stable(self, look: Look) -> float:
        """Stable's error rate in the looks around this one, two standard errors above what was seen."""
        self._recent = [part for part in self._recent if look.at - _RECENT < part[0] <= look.at]
        self._recent.append((look.at, look.stable.errors, look.stable.requests))
        return max(_upper(self._recent[-1:]), _upper(self._recent))

    def _count_users(self, ours: Sequence[Failure]) -> None:
        for failure in ours:
            if failure.user in self._phase_users or len(self._phase_users) < _MOST_USERS:
                self._phase_users[failure.user] = self._phase_users.get(failure.user, 0) + 1

    def _compare_errors(self, look: Look, ours: Sequence[Failure], theirs: Sequence[Failure]) -> None:
        """Feed exactly one of the statistics, so that each of them is valid by itself."""
        counts = by_route(look.canary, look.stable, self._routes)
        if self.unit is Unit.REQUEST:
            self._strata.take_in(counts, at=look.at, exposure=exposure(look))
            return
        if self.unit is Unit.USER and look.failures is not None and look.odds is not None:
            self._users.update(at=look.at, odds=look.odds, canary=_hurt(ours), stable=_hurt(theirs))
            return
        total = Sums(look.canary.errors, look.canary.requests, look.stable.errors, look.stable.requests)
        self._clustered.take_in(total, at=look.at)

    def _observe_durations(self, look: Look) -> None:
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

    # ── what it means ──────────────────────────────────────────────────────────────────────────────────────

    def evidences(self) -> dict[str, float]:
        """Natural logarithms of the e-values for harm, by the names of `bar.WEIGHTS`."""
        return {
            "errors": self._error_evidence(),
            "limit": self._limit.evidence(),
            "durations": self._latency.evidence(),
            "slow": self._slow.evidence(),
        }

    def _error_evidence(self) -> float:
        match self.unit:
            case Unit.REQUEST:
                return self._strata.evidence()
            case Unit.USER:
                users = self._users.evidence() + math.log(1 - _FALLBACK)
                rest = self._clustered.evidence() + math.log(_FALLBACK)
                top = max(users, rest)
                return top + math.log(math.exp(users - top) + math.exp(rest - top))
            case Unit.CLUSTER:
                return self._clustered.evidence()

    @property
    def dispersion(self) -> float:
        """How bursty stable's errors are: φ ≥ 1, the variance over that of independent errors."""
        return self._bursts.factor

    def error_verdict(self, *, harmful: bool, breached: bool) -> Verdict:
        """harmful: the release's bar is reached, and errors are what reached it · breached: likewise the limit."""
        sums = self.sums
        canary, stable = _rate(sums.canary_bad, sums.canary_total), _rate(sums.stable_bad, sums.stable_total)
        worst = self._worst_route() if sums.canary_bad else ""
        verdict = Verdict(
            ERRORS,
            VerdictKind.INCONCLUSIVE,
            f"{self._both(sums)}{f'; most on {worst}' if worst else ''}",
            sums.canary_rate / sums.stable_rate if sums.canary_total and sums.stable_bad else None,
            self._interval(),
            max(self._error_evidence(), self._limit.evidence()),
            sums.canary_total,
            canary=canary,
            stable=stable,
        )
        if breached and self._worse_than_stable():
            limit = format_share(self._plan.number("rollback_triggers.error_rate"))
            words = f"{verdict.sentence}: above the limit of {limit}, {self._sure()}"
            return replace(verdict, kind=VerdictKind.FAIL, critical=True, sentence=words)
        if harmful:
            words = f"{verdict.sentence}: more than {self._ratio:g} times that of stable, {self._sure()}"
            words += self._unit_words()
            return replace(verdict, kind=VerdictKind.FAIL, sentence=words)
        if breached:
            words = f"{verdict.sentence}: both versions are above the limit, so the release is not the cause"
            return replace(verdict, sentence=words)
        return self._advance_errors(verdict)

    def _advance_errors(self, verdict: Verdict) -> Verdict:
        """R13's criterion on this phase's requests; where stable misses it itself, not worse than stable (C2)."""
        phase, limit = self.phase, self._plan.number("success_criteria.error_rate")
        criterion = f"errors below {format_share(limit)}"
        bad = self._phase_bad()
        rate = bad / phase.canary_total if phase.canary_total else math.nan
        if rate < limit:
            return replace(verdict, kind=VerdictKind.PASS, sentence=f"{verdict.sentence}; required: {criterion}")
        if not self._control:
            return self._against_the_past(verdict, rate, limit, self._past_errors, criterion)
        if phase.stable_rate >= limit and rate <= self._ratio * phase.stable_rate:
            words = f"{verdict.sentence}: stable also misses {criterion}, and the canary is not worse"
            return replace(verdict, kind=VerdictKind.PASS, sentence=words)
        found = f"{_rate(phase.canary_bad, phase.canary_total)} at this step; required: {criterion}"
        return replace(verdict, kind=VerdictKind.INCONCLUSIVE, sentence=f"{verdict.sentence}: {found}")

    def _phase_bad(self) -> int:
        """Errors of this phase; where users are told apart, one failure of one user and its retries are left out."""
        if self.unit is not Unit.USER or self._lost_log or not self._phase_users:
            return self.phase.canary_bad
        return max(0, self.phase.canary_bad - min(max(self._phase_users.values()), _RETRIES))

    def _against_the_past(
        self, verdict: Verdict, rate: float, limit: float, past: PastLevel, criterion: str
    ) -> Verdict:
        """No stable version runs beside the new one. What is worse than stable's past can hold, never undo."""
        if rate > (most := self._plan.number("rollback_triggers.error_rate")):
            words = f"{verdict.sentence}: above the limit of {format_share(most)}, but not with certainty"
            return replace(verdict, sentence=words)
        level = past.level()
        horizon = 0.0 if self._alone_since is None else self._last_at - self._alone_since
        margin = max(_LEAST_MARGIN, past.margin(horizon) or 0.0)
        if level is not None and level >= limit and rate <= margin * level:
            words = f"{verdict.sentence}: stable missed {criterion} before, and the new version is not worse"
            return replace(verdict, kind=VerdictKind.PASS, sentence=words, past=True)
        before = (
            ""
            if level is None
            else f"; in the past, stable had {100 * level:.3g} %, and at most {margin:.3g} times that is allowed"
        )
        words = f"{verdict.sentence}: misses {criterion}{before}. There is no stable version to compare with"
        return replace(verdict, kind=VerdictKind.INCONCLUSIVE, sentence=words, past=True)

    def slow_verdict(self, *, harmful: bool) -> Verdict:
        """harmful: the release's bar is reached, and durations are what reached it."""
        usual, past = (part.quantile_bound(1 - _SLOW_SHARE) for part in (self._phase_durations, self._past))
        verdict = Verdict(
            SLOW,
            VerdictKind.INCONCLUSIVE,
            self._latency.sentence,
            evidence=max(self._latency.evidence(), self._slow.evidence()),
            samples=self._phase_durations.total,
            canary=f"p95 ≤ {format_duration(usual)}" if usual else "–",
            stable=f"p95 ≤ {format_duration(past)}" if past else "–",
        )
        if harmful:
            # Being slower is never critical by itself: R20 calls it a warning.
            return replace(verdict, kind=VerdictKind.FAIL, sentence=self._slow_words())
        return self._advance_slow(verdict, usual, past)

    def _slow_words(self) -> str:
        """The sentence of the statistic that has more evidence, with the route."""
        if self._latency.evidence() >= self._slow.evidence():
            words, (route, _) = self._latency.sentence, self._latency.worst_route()
        else:
            sums, (route, _) = self._slow.sums, self._slow.worst_route()
            words = f"slower than {format_duration(self._bound or 0)}: {self._both(sums)}"
        words = (
            words
            if "confidence" in words
            else f"{words}: more than {self._ratio:g} times that of stable, {self._sure()}"
        )
        return f"{words}; most on {route}" if self._names(route) else words

    def _advance_slow(self, verdict: Verdict, usual: float | None, past: float | None) -> Verdict:
        """R13's criterion on this phase's durations, and beside nothing else the past's."""
        limit = self._plan.number("success_criteria.response_time_p95")
        criterion = f"p95 at most {format_duration(limit)}"
        shown = f"p95 at most {format_duration(usual)}" if usual else f"p95 above {self._last_bound()}"
        slow, meets = self._phase_slow, usual is not None and usual <= limit
        if not self._control and (worse := self._slower_than_the_past()):
            return replace(verdict, sentence=worse, past=True)
        if meets:
            return replace(verdict, kind=VerdictKind.PASS, sentence=f"{shown}; required: {criterion}")
        if self._bound is not None and (past is None or past > limit):
            allowed = max(_SLOW_SHARE, self._ratio * (slow.stable_rate if slow.stable_total else 0.0))
            if slow.canary_rate <= allowed:
                words = f"{shown}: stable also misses {criterion}, and the canary is not worse"
                return replace(verdict, kind=VerdictKind.PASS, sentence=words)
        words = f"{shown}; required: {criterion}"
        return replace(verdict, sentence=words, past=not self._control and not self._alone)

    def _slower_than_the_past(self) -> str:
        """The sentence that says so, or nothing. The margin is what stable's own history shows at this distance."""
        slow, level = self._phase_slow, self._past_slow.level()
        if self._bound is None or level is None or not slow.canary_total:
            return ""
        horizon = 0.0 if self._alone_since is None else self._last_at - self._alone_since
        margin = max(_LEAST_MARGIN, self._past_slow.margin(horizon) or 0.0)
        if slow.canary_rate <= margin * max(_SLOW_SHARE, level):
            return ""
        now, before = _rate(slow.canary_bad, slow.canary_total), f"{100 * level:.3g} %"
        return (
            f"slower than {format_duration(self._bound)}: {now} of the requests, {before} of stable's in the past. "
            "There is no stable version to compare with"
        )

    def _last_bound(self) -> str:
        bounds = self._phase_durations.bounds
        return format_duration(bounds[-1]) if bounds else "what is known"

    # ── words ──────────────────────────────────────────────────────────────────────────────────────────────

    def _both(self, sums: Sums) -> str:
        canary = f"canary {_rate(sums.canary_bad, sums.canary_total)} ({sums.canary_bad} of {sums.canary_total:,})"
        if not sums.stable_total:
            return canary
        return (
            f"{canary}, stable {_rate(sums.stable_bad, sums.stable_total)} ({sums.stable_bad} of {sums.stable_total:,})"
        )

    def _unit_words(self) -> str:
        match self.unit:
            case Unit.USER if not self._lost_log:
                canary, stable = self._users.hurt
                return f" ({canary} users with errors on the canary, {stable} on stable)"
            case Unit.USER | Unit.CLUSTER:
                return " (errors count less, because no log tells sticky users apart)"
            case Unit.REQUEST:
                return ""

    def _worst_route(self) -> str:
        route, _ = self._users.worst_route() if self.unit is Unit.USER else self._strata.worst_route()
        return route if self._names(route) else ""

    def _names(self, route: str) -> bool:
        """Whether naming the route says anything: there are several, and this is one of them."""
        return bool(route) and bool(self._routes) and route != REST

    def _interval(self) -> tuple[float, float]:
        match self.unit:
            case Unit.REQUEST:
                return self._strata.interval()
            case Unit.USER:
                return self._users.interval()
            case Unit.CLUSTER:
                return self._clustered.judge.interval()

    def _worse_than_stable(self) -> bool:
        """Whether a breach of the limit is the release's: stable does not share it; and where users stick, it is more
        than the chance that brought the users who fail everywhere to the new version."""
        if self._stable_as_bad():
            return False
        counted = self.unit is Unit.USER and self._control and not self._lost_log
        return not counted or self._users.evidence() >= _PROBABLE

    def _stable_as_bad(self) -> bool:
        """A shared dependency hurts both: the release is not to blame (both degraded)."""
        sums, limit = self.sums, self._plan.number("rollback_triggers.error_rate")
        return bool(
            self._control
            and sums.stable_total
            and sums.stable_rate > limit
            and sums.canary_rate <= self._ratio * sums.stable_rate
        )

    def _sure(self) -> str:
        return f"confidence {100 * (1 - self._alpha):.4g} %"

    # ── memory ─────────────────────────────────────────────────────────────────────────────────────────────

    def to_dict(self) -> JsonObject:
        """Everything learned so far as plain JSON."""
        return {
            "ever": self._ever.to_dict(), "sums": self.sums.to_dict(), "phase": self.phase.to_dict(),
            "phase_slow": self._phase_slow.to_dict(),
            "phase_users": [list(pair) for pair in self._phase_users.items()], "recent": self._recent,
            "phase_durations": vars(self._phase_durations),
            "alone_since": self._alone_since, "control": self._control, "lost_log": self._lost_log,
            "last_at": self._last_at, "past": vars(self._past), "bound": self._bound,
            "bursts": self._bursts.to_dict(), "past_errors": self._past_errors.to_dict(),
            "past_slow": self._past_slow.to_dict(),
            **{name: part.to_dict() for name, part in self._parts().items()},
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._ever = Sums(**entries(whole_at, saved, "ever"))
        self._recent = [(number_at(look, 0), whole_at(look, 1), whole_at(look, 2)) for look in list_at(saved, "recent")]
        self.sums, self.phase = Sums(**entries(whole_at, saved, "sums")), Sums(**entries(whole_at, saved, "phase"))
        self._phase_slow, self._phase_users = Sums(**entries(whole_at, saved, "phase_slow")), {}
        for pair in list_at(saved, "phase_users"):
            self._phase_users[whole_at(pair, 0)] = whole_at(pair, 1)
        self._past, self._phase_durations = (
            Histogram.of(object_at(saved, "past")),
            Histogram.of(object_at(saved, "phase_durations")),
        )
        self._alone_since, self._bound = optional(number_at, saved, "alone_since"), optional(number_at, saved, "bound")
        self._control, self._lost_log = truth_at(saved, "control"), truth_at(saved, "lost_log")
        self._last_at = number_at(saved, "last_at")
        self._bursts.restore(object_at(saved, "bursts"))
        self._past_errors.restore(object_at(saved, "past_errors"))
        self._past_slow.restore(object_at(saved, "past_slow"))
        for name, part in self._parts().items():
            part.restore(object_at(saved, name))

    def _parts(self) -> Mapping[str, _Part]:
        return {
            "strata": self._strata, "users": self._users, "clustered": self._clustered, "limit": self._limit,
            "slow": self._slow, "latency": self._latency,
        }  # fmt: skip


def _upper(looks: Sequence[tuple[float, int, int]]) -> float:
    """A rate that is two standard errors above what these looks at stable show; 0 where it had no requests."""
    bad, total = sum(part[1] for part in looks), sum(part[2] for part in looks)
    return (bad + 2 * math.sqrt(bad)) / total if total else 0.0


def _hurt(failures: Iterable[Failure]) -> list[tuple[int, str]]:
    return [(failure.user, failure.route) for failure in failures]


def _rate(bad: int, total: int) -> str:
    return f"{bad / total * 100:.3g} %" if total else "–"
