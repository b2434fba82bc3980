"""Drives one rollout: observe, judge, decide, record, act, and again. Each look is level-triggered: killed
anywhere, the next look sees what is and asks again for what should be."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.engine import leases
from pilotage.engine.histories import history_of
from pilotage.engine.store import Rollout, Store
from pilotage.engine.targets import Target, open_target, rules_of
from pilotage.judge.counted import RuleBook
from pilotage.judge.counts import History
from pilotage.judge.health import health_score
from pilotage.judge.release import ReleaseJudge
from pilotage.model.observation import Health, Instance, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Action, Apply, Decision, Ensure, Seen
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.canary import decide
from pilotage.rollout.wanted import desired

_log = logging.getLogger(__name__)

STALEST = 60.0
"""Seconds: a reading older than this (or from this far in the future) is no reading of now."""


class LeaseLost(Exception):
    """Another worker holds the target's lease."""


class Driver:
    """One rollout in this worker's hands. `wake` waits so many seconds, less when it should look sooner."""

    def __init__(self, store: Store, directory: Path, rollout: str, holder: str) -> None:
        self._store, self._directory, self._holder = store, directory, holder
        self._rollout = store.get(rollout)
        self._target: Target | None = None
        self._token: int | None = None
        self._history = self._known_history()
        self._judge, self._cursor = self._restored_judge()
        self._shared: int | None = None
        self._rules = self._restored_rules()
        self._totals: dict[str, int] = (self._rollout.judge or {}).get("totals", {})
        self._recent: dict[str, int] = {}
        self._refused: list[str] = []

    @property
    def rollout(self) -> Rollout:
        return self._rollout

    def advance(self, stopping: Callable[[], bool]) -> str:
        """Look again and again until something changed that is told as an event, then say what; durable
        execution records this as one step, so a release is tens of steps, not thousands of looks."""
        while not stopping():
            decision = self._look()
            if decision.events or decision.state.status.final:
                return f"{decision.state.status}:{self._rollout.events}"
            self._wait(self._rollout.plan.number("rollout.tick"), stopping)
        return "stopped"

    def keep(self) -> None:
        """Ask again for what a finished rollout left behind: instances that died come back, a router that lost
        its routes gets them again."""
        target = self._open()
        seen = self._see(target)
        self._act(target, desired(self._rollout.plan, self._rollout.state, seen), seen)

    # ── one look ───────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> Decision:
        target = self._open()
        seen = self._see(target)
        seen = replace(seen, verdicts=self._judged(target, seen))
        commands = self._store.pending(self._rollout.id)
        before = self._rollout.state
        decision = decide(self._rollout.plan, before, seen, commands, time.time())
        if decision.state.step != before.step:
            self._judge.begin_phase()
            self._rules.begin_phase()
        self._rollout = self._store.record(self._rollout, decision, self._checkpoint(), self._live(decision, seen))
        self._act(target, decision.actions, seen)
        return decision

    def _open(self) -> Target:
        token = leases.acquire(self._store.engine, f"{self._rollout.service}/{self._rollout.environment}", self._holder)
        if token is None:
            raise LeaseLost(f"another worker holds {self._rollout.service}/{self._rollout.environment}")
        if self._target is None or token != self._token:
            self._token = token
            self._target = open_target(
                self._directory, self._rollout.target, self._rollout.service, self._rollout.environment, token
            )
        return self._target

    def _see(self, target: Target) -> Seen:
        trouble = list(self._refused)
        split: Split | None = None
        instances: tuple[Instance, ...] | None = None
        try:
            split = target.router.read()
        except AdapterError as error:
            trouble.append(f"router: {error}")
        try:
            instances = target.fleet.instances()
        except AdapterError as error:
            trouble.append(f"fleet: {error}")
        return Seen(split, instances, trouble="; ".join(trouble))

    def _judged(self, target: Target, seen: Seen) -> tuple[Verdict, ...]:
        """The verdicts of this look. Whatever goes wrong in here is the judge's trouble: it must never keep the
        rollout from being looked at, or an abort from being obeyed (rules 5 and 7)."""
        try:
            self._observe(target, seen)
            self._measure(target)
            return (*self._judge.verdicts(), *self._rules.verdicts())
        except Exception as error:
            _log.exception("%s: the judge failed", self._rollout.id)
            sentence = f"the judge failed: {type(error).__name__}: {error}"
            return (Verdict("judge", VerdictKind.SOURCE_ERROR, sentence),)

    def _observe(self, target: Target, seen: Seen) -> None:
        """Feed the judge with what happened since the last look; its cursor is kept with its sums."""
        state = self._rollout.state
        if seen.split is None and not seen.trouble:
            return
        versions = [state.new, *([state.old] if state.old else [])]
        try:
            reading = target.metrics.observe(versions, self._cursor)
        except AdapterError as error:
            self._judge.source_failed(f"the metrics source failed: {error}")
            return
        age = time.time() - reading.at
        if abs(age) > STALEST:
            self._judge.source_failed(f"the metrics source's newest reading is {age:.0f} s old")
            return
        self._cursor = reading.cursor
        self._judge.observe(reading, seen.instances or (), self._share(seen))
        self._recent = {o.version: o.requests for o in reading.observations}
        for version, requests in self._recent.items():
            self._totals[version] = self._totals.get(version, 0) + requests

    def _measure(self, target: Target) -> None:
        """Ask what the counted rules want to know, while a step is watched."""
        kind = self._rollout.plan.steps[self._rollout.state.step].kind
        if target.queries is None or kind not in (StepKind.ANALYSE, StepKind.BAKE):
            return
        now = time.time()
        for rule in self._rules.due(now):
            try:
                self._rules.record(rule.name, target.queries.query(rule.query), now)
            except AdapterError as error:
                self._rules.record(rule.name, None, now, str(error))

    def _share(self, seen: Seen) -> float | None:
        """The part of the requests since the last look that should have gone to the new version.

        None where users stick to a version, testers choose one, or the split changed in between: then the share of
        the requests is another.
        """
        sticky = (self._rollout.target.get("environment") or {}).get("router", {}).get("sticky")
        before, now = self._shared, seen.split.weight(self._rollout.state.new) if seen.split else None
        self._shared = now
        if sticky or seen.split is None or seen.split.header_routes or now != before:
            return None
        return now / WHOLE if now is not None and 0 < now < WHOLE else None

    def _act(self, target: Target, actions: tuple[Action, ...], seen: Seen) -> None:
        """Say what should be. What is refused now is asked again at the next look, which tells why it was."""
        self._refused.clear()
        for action in actions:
            try:
                match action:
                    case Ensure(version, count):
                        target.fleet.ensure(version, count)
                    case Apply(split):
                        target.router.apply(split, _backends(seen, target, split))
            except Fenced:
                raise
            except AdapterError as error:
                _log.warning("%s: %s", self._rollout.id, error)
                self._refused.append(str(error))

    # ── what is kept ───────────────────────────────────────────────────────────────────────────────────────

    def _known_history(self) -> History | None:
        """As it was when this rollout began: what the judge knows beforehand must not change under way."""
        if self._rollout.judge is None:
            return history_of(self._store, self._rollout.service, self._rollout.environment)
        saved = self._rollout.judge.get("history")
        return History(**saved) if saved else None

    def _new_judge(self) -> ReleaseJudge:
        return ReleaseJudge(self._rollout.plan, self._rollout.state.new, self._rollout.state.old, self._history)

    def _restored_judge(self) -> tuple[ReleaseJudge, dict[str, Any] | None]:
        judge = self._new_judge()
        saved = self._rollout.judge
        if saved is None:
            return judge, None
        try:
            judge.restore(saved["sums"])
        except (KeyError, TypeError, ValueError):
            # Written by another version of Pilotage: the evidence starts again, the rollout does not.
            _log.exception("%s: the judge's sums cannot be read; it starts anew", self._rollout.id)
            return self._new_judge(), None
        return judge, saved["cursor"]

    def _restored_rules(self) -> RuleBook:
        state = self._rollout.state
        rules = RuleBook(rules_of(self._rollout.target, state.new, state.old))
        if saved := (self._rollout.judge or {}).get("rules"):
            rules.restore(saved)
        return rules

    def _checkpoint(self) -> dict[str, Any]:
        return {
            "sums": self._judge.to_dict(),
            "cursor": self._cursor,
            "totals": self._totals,
            "rules": self._rules.to_dict(),
            "history": asdict(self._history) if self._history else None,
        }

    def _live(self, decision: Decision, seen: Seen) -> dict[str, Any]:
        state = decision.state
        step = self._rollout.plan.steps[state.step]
        exposed = sum(self._recent.values())
        wanted = next((a.split for a in decision.actions if isinstance(a, Apply)), seen.split)
        return {
            "at": state.at,
            "step": step.id,
            "title": step.title,
            "watched": state.watched if step.kind in (StepKind.ANALYSE, StepKind.BAKE) else state.waited,
            "duration": step.duration,
            "wanted": wanted.weight(state.new) if wanted else None,
            "routed": seen.split.weight(state.new) if seen.split else None,
            "observed": round(1000 * self._recent.get(state.new, 0) / exposed) if exposed else None,
            "requests": self._totals,
            "verdicts": [
                {
                    "metric": v.metric,
                    "kind": v.kind.value,
                    "sentence": v.sentence,
                    "canary": v.canary,
                    "stable": v.stable,
                    "samples": v.samples,
                    "ratio": v.ratio,
                    # JSON knows no infinity: null is an open end.
                    "interval": [end if math.isfinite(end) else None for end in v.interval] if v.interval else None,
                }
                for v in seen.verdicts
            ],
            "forecast": self._judge.forecast(),
            "health": health_score(seen.verdicts, self._rollout.plan.number("judge.false_rollback")).score,
            "instances": [
                {"id": i.id, "version": i.version, "health": i.health.value, "port": i.port}
                for i in seen.instances or ()
            ],
            "trouble": seen.trouble,
        }

    def _wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """A command ends the wait: an abort has its first effect at once (rule 7)."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stopping():
            time.sleep(min(left, 0.1))
            if left > 0.15 and self._store.pending(self._rollout.id):
                return


def _backends(seen: Seen, target: Target, split: Split) -> dict[str, list[tuple[str, int]]]:
    """Where requests of each version may go: its healthy instances, or any living one when none is healthy,
    because an empty version answers nobody."""
    instances = seen.instances if seen.instances is not None else target.fleet.instances()
    backends: dict[str, list[tuple[str, int]]] = {}
    for version in {version for version, _ in split.weights} | {i.version for i in instances}:
        of_version = [i for i in instances if i.version == version]
        chosen = [i for i in of_version if i.health is Health.HEALTHY] or [
            i for i in of_version if i.health in (Health.STARTING, Health.UNHEALTHY)
        ]
        backends[version] = [(i.host, i.port) for i in chosen]
    return backends
