"""Judges one kind of requests, users' or synthetic: errors, the limit of errors, and durations.

What counts as one event depends on how requests are assigned to a version (`Unit`, `ErrorEvidence`). If every request
is assigned separately, the event is a request, however errors cluster: the version is a coin for each. If users stick
to a version, their errors come together, so the event is a *user*.

Only a version that runs next to the new one at the same time is a control. Without one (at 100 %, after a switch) no
comparison adds evidence. The limit still does, and results worse than the past are labelled so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from pilotage.judge.bar import WEIGHTS
from pilotage.judge.dispersion import Dispersion
from pilotage.judge.error_evidence import ERRORS, ErrorEvidence
from pilotage.judge.limit import LimitStream
from pilotage.judge.look import Look, Unit
from pilotage.judge.onset import Onset
from pilotage.judge.past import PastLevel
from pilotage.judge.rate_words import both_of, confidence, rate_of
from pilotage.judge.recent import RecentErrors
from pilotage.judge.retries import Retries
from pilotage.judge.slowness import LEAST_MARGIN, Slowness
from pilotage.judge.sums import History, Sums
from pilotage.model.json import JsonObject, entries, number_at, object_at, optional, truth_at, whole_at
from pilotage.model.observation import Failure, Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_share
from pilotage.model.wording import counted

_PROBABLE = math.log(20)
"""Evidence beyond which more of the new version's users meet errors than chance would have it once in 20 times."""


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
        self._recent = RecentErrors()
        self._past_errors = PastLevel()
        self._slowness = Slowness(plan, alpha, routes=self._routes, alone=alone)
        self._ever = Sums()
        self._control, self._lost_log, self._last_at = True, False, 0.0
        self.begin_phase()
        self.begin_again()

    def begin_phase(self) -> None:
        """Forget what counts towards advancing, never the evidence of harm."""
        self.phase = Sums()
        self._slowness.begin_phase()
        self._retries = Retries()
        self._alone_since: float | None = None

    def begin_again(self) -> None:
        """Forget the evidence of harm: the new version gets its second try. What is known of stable stays."""
        self.sums = Sums()
        alpha = self._alpha * WEIGHTS["errors"]
        self._errors = ErrorEvidence(self.unit, self._ratio, alpha, history=self._history, routes=self._routes)
        self._limit = LimitStream(self._plan.number("rollback_triggers.error_rate"))
        self._onset = Onset()
        self._slowness.begin_again()

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
        self._retries.add(ours)
        self._note_onset(look, ours)
        self._limit_errors(look, ours)
        if look.control:
            self._errors.update(look, ours, theirs)
        if stable.requests:
            self._bursts.update(stable.errors, stable.requests)
            self._past_errors.update(look.at, stable.errors, stable.requests)
        self._slowness.observe(look)

    def _limit_errors(self, look: Look, ours: Sequence[Failure]) -> None:
        sticky = self.unit is not Unit.REQUEST
        users = [f.user for f in ours] if sticky else []
        weight = 1 / self._bursts.factor if sticky else 1.0
        stable = look.stable
        allowed = self._ratio * self._recent.rate(look.at, stable.errors, stable.requests) if look.control else 0.0
        self._limit.update(
            at=look.at, bad=look.canary.errors, total=look.canary.requests, users=users, weight=weight, allowed=allowed
        )

    def _note_onset(self, look: Look, ours: Sequence[Failure]) -> None:
        usual = self._ever.stable_rate if self._ever.stable_total else 0.0
        at = min((failure.at for failure in ours if failure.at), default=look.at)
        self._onset.update(at, look.canary.errors, self._ratio * usual * look.canary.requests)

    # ── what it means ──────────────────────────────────────────────────────────────────────────────────────

    def evidences(self) -> dict[str, float]:
        """Natural logarithms of the e-values for harm, by the names of `bar.WEIGHTS`."""
        return {
            "errors": self._errors.evidence(),
            "limit": self._limit.evidence(),
            **self._slowness.evidences(),
        }

    @property
    def dispersion(self) -> float:
        """How bursty stable's errors are: φ ≥ 1, the variance over that of independent errors."""
        return self._bursts.factor

    def error_verdict(self, *, harmful: bool, breached: bool) -> Verdict:
        """harmful: the release's bar is reached, and errors are what reached it · breached: likewise the limit."""
        sums = self.sums
        canary, stable = rate_of(sums.canary_bad, sums.canary_total), rate_of(sums.stable_bad, sums.stable_total)
        worst = self._errors.worst_route() if sums.canary_bad else ""
        verdict = Verdict(
            ERRORS,
            VerdictKind.INCONCLUSIVE,
            f"{both_of(sums)}{self._users_words()}{f'; most on {worst}' if worst else ''}",
            self._errors.ratio(sums),
            self._errors.interval(),
            max(self._errors.evidence(), self._limit.evidence()),
            sums.canary_total,
            canary=canary,
            stable=stable,
            since=self._onset.since,
            unit="users with errors" if self._tells_users_apart else "failed requests",
        )
        if breached and self._worse_than_stable():
            limit = format_share(self._plan.number("rollback_triggers.error_rate"))
            words = f"{verdict.sentence}: above the limit of {limit}, {confidence(self._alpha)}"
            return replace(verdict, kind=VerdictKind.FAIL, critical=True, sentence=words)
        if harmful:
            words = f"{verdict.sentence}: more than {self._ratio:g} times that of stable, {confidence(self._alpha)}"
            words += self._without_users()
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
        found = f"{rate_of(phase.canary_bad, phase.canary_total)} at this step; required: {criterion}"
        return replace(verdict, kind=VerdictKind.INCONCLUSIVE, sentence=f"{verdict.sentence}: {found}")

    def _phase_bad(self) -> int:
        """Errors of this phase; if users are identified, one failure of one user and its retries are left out."""
        return max(0, self.phase.canary_bad - (self._retries.explained if self._tells_users_apart else 0))

    def _against_the_past(
        self, verdict: Verdict, rate: float, limit: float, past: PastLevel, criterion: str
    ) -> Verdict:
        """No stable version runs next to the new one. What is worse than stable's past can hold, never undo."""
        if rate > (most := self._plan.number("rollback_triggers.error_rate")):
            words = f"{verdict.sentence}: above the limit of {format_share(most)}, but not with certainty"
            return replace(verdict, sentence=words)
        level = past.level()
        margin = max(LEAST_MARGIN, past.margin(self._alone_for) or 0.0)
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
        return self._slowness.verdict(harmful=harmful, control=self._control, alone_for=self._alone_for)

    @property
    def _alone_for(self) -> float:
        """Seconds since stable ran next to the new version."""
        return 0.0 if self._alone_since is None else self._last_at - self._alone_since

    # ── words ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _tells_users_apart(self) -> bool:
        return self.unit is Unit.USER and not self._lost_log

    def _users_words(self) -> str:
        """What is judged, where that is users and not the requests of the figures."""
        canary, stable = self._errors.hurt
        if not self._tells_users_apart or not canary + stable:
            return ""
        return f"; {counted(canary, 'user')} with errors on the canary, {stable} on stable"

    def _without_users(self) -> str:
        if self.unit is Unit.REQUEST or self._tells_users_apart:
            return ""
        return " (errors count less, because no log tells sticky users apart)"

    def _worse_than_stable(self) -> bool:
        """Whether a breach of the limit is the release's: stable does not share it; and where users stick, it is more
        than the chance that brought the users who fail everywhere to the new version."""
        if self._stable_as_bad():
            return False
        counted = self._tells_users_apart and self._control
        return not counted or self._errors.of_users() >= _PROBABLE

    def _stable_as_bad(self) -> bool:
        """A shared dependency hurts both: the release is not to blame (both degraded)."""
        sums, limit = self.sums, self._plan.number("rollback_triggers.error_rate")
        return bool(
            self._control
            and sums.stable_total
            and sums.stable_rate > limit
            and sums.canary_rate <= self._ratio * sums.stable_rate
        )

    # ── memory ─────────────────────────────────────────────────────────────────────────────────────────────

    def to_dict(self) -> JsonObject:
        """Everything learned so far as plain JSON."""
        return {
            "ever": self._ever.to_dict(), "sums": self.sums.to_dict(), "phase": self.phase.to_dict(),
            "alone_since": self._alone_since, "control": self._control, "lost_log": self._lost_log,
            "last_at": self._last_at,
            "bursts": self._bursts.to_dict(), "past_errors": self._past_errors.to_dict(),
            "limit": self._limit.to_dict(), "onset": self._onset.to_dict(),
            **self._retries.to_dict(), **self._recent.to_dict(), **self._errors.to_dict(), **self._slowness.to_dict(),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._ever = Sums(**entries(whole_at, saved, "ever"))
        self.sums, self.phase = Sums(**entries(whole_at, saved, "sums")), Sums(**entries(whole_at, saved, "phase"))
        self._alone_since = optional(number_at, saved, "alone_since")
        self._control, self._lost_log = truth_at(saved, "control"), truth_at(saved, "lost_log")
        self._last_at = number_at(saved, "last_at")
        self._bursts.restore(object_at(saved, "bursts"))
        self._past_errors.restore(object_at(saved, "past_errors"))
        for part in (self._retries, self._recent, self._errors, self._slowness):
            part.restore(saved)
        self._limit.restore(object_at(saved, "limit"))
        if (onset := optional(object_at, saved, "onset")) is not None:
            self._onset.restore(onset)  # an earlier version kept none
