"""The judge of one rollout with its memory: what it is fed, what it says, what is kept of it in the store."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pilotage.adapters.ports import AdapterError, Metrics, Queries
from pilotage.engine.histories import history_of
from pilotage.engine.store import Rollout, Store
from pilotage.engine.targets import Target, rules_of
from pilotage.judge.counted import RuleBook
from pilotage.judge.counts import History
from pilotage.judge.health import health_score
from pilotage.judge.release import TESTS, ReleaseJudge
from pilotage.judge.signals import SignalBook, count_tests
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import RolloutState, Seen
from pilotage.model.traffic import WHOLE
from pilotage.rollout import baseline

_log = logging.getLogger(__name__)

STALEST = 60.0
"""Seconds: a reading older than this (or from this far in the future) is no reading of now."""

_ALONE = (DeploymentStrategy.BLUE_GREEN, DeploymentStrategy.BIG_BANG)
"""Strategies in which users have either version, never both: the new one is compared with the old one's past."""

_WATCHING = (StepKind.ANALYSE, StepKind.BAKE)
VARIANTS = ("on", "off")


class Judging:
    """Survives a restart by `to_dict`: the cursor is kept beside the sums it led to, so nothing is counted twice."""

    def __init__(self, store: Store, rollout: Rollout) -> None:
        self._plan, self._target = rollout.plan, rollout.target
        self._new, self._old, self._name = rollout.state.new, rollout.state.old, rollout.id
        saved = rollout.judge or {}
        self._history = _known_history(store, rollout)
        analysis = (rollout.target.get("environment") or {}).get("analysis") or {}
        self._queries: dict[str, str] = analysis.get("signals") or {}
        self._tests = TESTS + count_tests(tuple(self._queries))
        self._subject = str(saved.get("subject", "code"))
        self._judge, self._cursor = self._restored(saved)
        self._rules = RuleBook(rules_of(rollout.target, self._new, self._old))
        if "rules" in saved:
            self._rules.restore(saved["rules"])
        alpha = self._plan.number("judge.false_rollback") / self._tests
        every, beside = analysis.get("every", 15.0), self._old is not None
        self._signals = SignalBook(self._plan, tuple(self._queries), alpha, every, old=beside)
        self._signals.restore(saved.get("signals", {}))
        self.totals: dict[str, int] = dict(saved.get("totals", {}))
        self.recent: dict[str, int] = {}
        self._shared: int | None = None

    def begin_phase(self) -> None:
        self._judge.begin_phase(alone=self._plan.answers.deployment_strategy in _ALONE)
        self._rules.begin_phase()
        self._signals.begin_phase()

    def verdicts(self, target: Target, state: RolloutState, seen: Seen) -> tuple[Verdict, ...]:
        """The verdicts of this look. Whatever goes wrong in here is the judge's trouble: it must never keep the
        rollout from being looked at, or an abort from being obeyed (rules 5 and 7)."""
        try:
            self._turn_to(state)
            self._observe(target, seen)
            self._measure(target, state)
            return (*self._judge.verdicts(), *self._rules.verdicts(), *self._signals.verdicts())
        except Exception as error:
            _log.exception("%s: the judge failed", self._name)
            sentence = f"the judge failed: {type(error).__name__}: {error}"
            return (Verdict("judge", VerdictKind.SOURCE_ERROR, sentence),)

    @property
    def forecast(self) -> str:
        return self._judge.forecast()

    def health(self, verdicts: tuple[Verdict, ...]) -> float:
        return health_score(verdicts, self._plan.number("judge.false_rollback")).score

    def to_dict(self) -> dict[str, Any]:
        return {
            "subject": self._subject,
            "sums": self._judge.to_dict(),
            "cursor": self._cursor,
            "totals": self.totals,
            "rules": self._rules.to_dict(),
            "signals": self._signals.to_dict(),
            "history": asdict(self._history) if self._history else None,
        }

    # ── what is judged ─────────────────────────────────────────────────────────────────────────────────────

    def _turn_to(self, state: RolloutState) -> None:
        """A feature toggle's code is judged while it goes out dark, then flag-on against flag-off (R16)."""
        toggled = self._plan.answers.deployment_strategy is DeploymentStrategy.FEATURE_TOGGLE and state.step > 0
        subject = "flag" if toggled else "code"
        if subject != self._subject:
            self._subject, self._cursor = subject, None
            self._judge = self._new_judge()

    def _names(self) -> tuple[str, str | None]:
        return VARIANTS if self._subject == "flag" else (self._new, self._old)

    def _new_judge(self) -> ReleaseJudge:
        new, old = self._names()
        of_code = self._subject == "code"
        history = self._history if of_code else None
        return ReleaseJudge(self._plan, new, old, history, resources=of_code, tests=self._tests)

    def _restored(self, saved: Mapping[str, Any]) -> tuple[ReleaseJudge, dict[str, Any] | None]:
        judge = self._new_judge()
        if not saved:
            return judge, None
        try:
            judge.restore(saved["sums"])
        except (KeyError, TypeError, ValueError):
            # Written by another version of Pilotage: the evidence starts again, the rollout does not.
            _log.exception("%s: the judge's sums cannot be read; it starts anew", self._name)
            return self._new_judge(), None
        return judge, saved["cursor"]

    def _observe(self, target: Target, seen: Seen) -> None:
        if seen.split is None and not seen.trouble:
            return
        source: Metrics | None = target.variants if self._subject == "flag" else target.metrics
        new, old = self._names()
        fresh = baseline.name(self._plan, self._old) if self._subject == "code" else None
        beside = fresh if fresh and seen.split and seen.split.weight(fresh) else None
        try:
            if source is None:
                raise AdapterError("nothing tells what the variants did: configure flag.metrics")
            reading = source.observe([name for name in (new, old, fresh) if name], self._cursor)
        except AdapterError as error:
            self._judge.source_failed(f"the metrics source failed: {error}")
            return
        age = time.time() - reading.at
        if abs(age) > STALEST:
            self._judge.source_failed(f"the metrics source's newest reading is {age:.0f} s old")
            return
        self._cursor = reading.cursor
        self._judge.observe(reading, seen.instances or (), self._share(seen, beside), beside)
        self.recent = {o.version: o.requests for o in reading.observations}
        for version, requests in self.recent.items():
            self.totals[version] = self.totals.get(version, 0) + requests

    def _measure(self, target: Target, state: RolloutState) -> None:
        """Ask what counted rules and signals want to know, while a step is watched."""
        if target.queries is None or self._plan.steps[state.step].kind not in _WATCHING:
            return
        now = time.time()
        if self._signals.due(now):
            for name in self._signals.names:
                self._read(target.queries, name)
        for rule in self._rules.due(now):
            try:
                self._rules.record(rule.name, target.queries.query(rule.query), now)
            except AdapterError as error:
                self._rules.record(rule.name, None, now, str(error))

    def _read(self, queries: Queries, name: str) -> None:
        """One reading of a signal. In a feature toggle it is the variants that are asked about."""
        found: list[float | None] = []
        try:
            for version in self._names():
                values = queries.query(self._queries[name].replace("{version}", version)) if version else ()
                found.append(values[0] if len(values) == 1 and math.isfinite(values[0]) else None)
        except AdapterError as error:
            self._signals.record(name, None, None, str(error))
            return
        self._signals.record(name, found[0], found[1])

    def _share(self, seen: Seen, beside: str | None) -> float | None:
        """The part of the requests compared since the last look that should have gone to the new version.

        None where users stick to a version, testers choose one, or the split changed in between: then the share of
        the requests is another.
        """
        sticky = (self._target.get("environment") or {}).get("router", {}).get("sticky")
        before, now = self._shared, seen.split.weight(self._new) if seen.split else None
        self._shared = now
        special = seen.split is None or seen.split.header_routes or seen.split.closed or seen.split.mirror
        if sticky or special or now != before or self._subject == "flag":
            return None
        if now is None or not 0 < now < WHOLE:
            return None
        return 0.5 if beside else now / WHOLE


def _known_history(store: Store, rollout: Rollout) -> History | None:
    """As it was when this rollout began: what the judge knows beforehand must not change under way."""
    if rollout.judge is None:
        return history_of(store, rollout.service, rollout.environment, rollout.created_at)
    saved = rollout.judge.get("history")
    return History(**saved) if saved else None
