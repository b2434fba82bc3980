"""Drives one rollout: observe, judge, decide, record, act, and again. Each look is level-triggered: killed
anywhere, the next look sees what is and asks again for what should be."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.engine import leases, places, rescue, rescued
from pilotage.engine.failpoints import reach
from pilotage.engine.judging import Judging
from pilotage.engine.releases import barrier_of
from pilotage.engine.store import Rollout, Store
from pilotage.engine.targets import Target, open_target
from pilotage.engine.times import freeze_now, outside_windows
from pilotage.model.live import LiveView, SeenCheck, SeenFlag, SeenInstance, SeenVerdict
from pilotage.model.observation import CheckResult, CheckStatus, Health, Instance, Verdict
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Action, Apply, Check, Command, Decision, Ensure, Replace, Seen, SetFlag
from pilotage.model.traffic import Split
from pilotage.rollout.machine import decide, desired, wants_traffic

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_KILL_SWITCH = "check-kill-switch"
_RENEW = leases.DURATION / 4
_LIVING = (Health.HEALTHY, Health.STARTING, Health.UNHEALTHY)


LeaseLost = leases.LeaseLost


class Driver:
    """One rollout in this worker's hands. heart: renews the leases of all that the worker has; without one the driver
    renews its own · checkpoint_every: seconds between records of looks at which nothing happened; what happens is
    recorded before it is acted upon, always."""

    def __init__(
        self, store: Store, directory: Path, rollout: str, holder: str, heart: leases.Heart | None = None
    ) -> None:
        self._store, self._directory, self._holder, self._heart = store, directory, holder, heart
        self._rollout = store.get(rollout)
        self._target: Target | None = None
        self._token: int | None = None
        self._renewed = -math.inf
        self._recorded = -math.inf
        self._judging = Judging(store, self._rollout)
        self._refused: list[str] = []
        self.checkpoint_every = 0.0

    @property
    def rollout(self) -> Rollout:
        return self._rollout

    def keep(self) -> None:
        """Ask again for what a finished rollout left behind: instances that died come back, a router that lost
        its routes gets them again."""
        target = self._open()
        if rescued.must_wait(self._store, self._directory, self._rollout):
            return
        seen = self._see(target)
        self._act(target, desired(self._rollout.plan, self._rollout.state, seen), seen)

    def look(self, *, commanded: bool = True) -> Decision:
        """One look: what is, what that means, what is recorded, what should be. Raises LeaseLost, StoreConflict, Fenced
        when another worker has taken over. commanded: somebody may have asked something of it."""
        target = self._open()
        reach("seen")
        seen = self._see(target)
        before = self._rollout.state
        seen = replace(seen, verdicts=self._judging.verdicts(target, before, seen))
        commanded |= rescued.ordered(self._store, self._directory, self._rollout)
        asked = self._store.pending(self._rollout.id) if commanded else ()
        commands = tuple(self._known(c) for c in asked)
        decision = decide(self._rollout.plan, before, seen, commands, time.time())
        if decision.state.step != before.step:
            self._judging.begin_phase(decision.state)
        reach("decided")
        self._record(decision, seen)
        reach("recorded")
        self._act(target, decision.actions, seen)
        reach("acted")
        if target.synthetic:
            wanted = wants_traffic(self._rollout.plan, decision.state)
            (target.synthetic.keep_up if wanted else target.synthetic.stop)()
        return decision

    def _record(self, decision: Decision, seen: Seen) -> None:
        quiet = not decision.events and not decision.answered
        if quiet and time.monotonic() - self._recorded < self.checkpoint_every:
            self._rollout = replace(self._rollout, state=decision.state)
            return
        live = self._live(decision, seen)
        self._rollout = self._store.record(self._rollout, decision, self._judging.saved(), live)
        self._recorded = time.monotonic()

    def _open(self) -> Target:
        name = f"{self._rollout.service}/{self._rollout.environment}"
        held = self._heart.holds(name) if self._heart else time.monotonic() - self._renewed < _RENEW
        if self._target is not None and held:
            return self._target
        token = places.take(
            self._store.engine, self._directory, self._rollout.service, self._rollout.environment, self._holder
        )
        if token is None:
            raise LeaseLost(f"another worker holds {name}")
        self._renewed = time.monotonic()
        if self._target is None or token != self._token:
            self._token = token
            self._target = open_target(
                self._directory, self._rollout.snapshot, self._rollout.service, self._rollout.environment, token,
                self._rollout.id, self._holder,
            )  # fmt: skip
            # Somebody else may have gone on with it meanwhile.
            present = self._store.get(self._rollout.id)
            if present.revision != self._rollout.revision:
                self._rollout, self._judging = present, Judging(self._store, present)
            rescue.remember(self._directory, present)
        return self._target

    def _known(self, command: Command) -> Command:
        """The command as of the person who gave it, by whatever name, with the roles of that person."""
        found = self._rollout.snapshot.person(command.actor)
        return replace(command, actor=found[0], roles=found[1].roles) if found else command

    # ── what is ────────────────────────────────────────────────────────────────────────────────────────────

    def _see(self, target: Target) -> Seen:
        trouble = list(self._refused)

        def read(what: str, ask: Callable[[], _T]) -> _T | None:
            try:
                return ask()
            except AdapterError as error:
                trouble.append(f"{what}: {error}")
                return None

        split: Split | None = read("router", target.router.read)
        endpoints = read("router", target.router.endpoints) if split else None
        instances = read("fleet", target.fleet.instances)
        flag = read("flag", target.flags.read) if target.flags else None
        checks: Sequence[CheckResult] = (read("checks", target.checks.results) or ()) if target.checks else ()
        hooks = target.checks.names() if target.checks else frozenset()
        if (rehearsed := self._rehearsed(target, hooks)) is not None:
            checks, hooks = (*checks, rehearsed), hooks | {rehearsed.name}
        now = time.time()
        return Seen(
            split,
            instances,
            trouble="; ".join(trouble),
            endpoints=endpoints,
            hooks=hooks,
            checks=tuple(checks),
            freeze=freeze_now(self._store, self._rollout, now),
            barrier=barrier_of(self._store, self._rollout),
            outside=outside_windows(self._rollout.snapshot.calendar, now),
            flag=flag,
        )

    def _rehearsed(self, target: Target, hooks: frozenset[str]) -> CheckResult | None:
        """The kill switch is tried before anybody depends on it, unless the configuration has a better test."""
        state = self._rollout.state
        if target.flags is None or _KILL_SWITCH in hooks or self._rollout.plan.steps[state.step].id != _KILL_SWITCH:
            return None
        try:
            target.flags.rehearse()
        except AdapterError as error:
            return CheckResult(_KILL_SWITCH, state.attempt, CheckStatus.FAILED, str(error))
        return CheckResult(_KILL_SWITCH, state.attempt, CheckStatus.PASSED, "on and off again for a test user")

    # ── what should be ─────────────────────────────────────────────────────────────────────────────────────

    def _act(self, target: Target, actions: tuple[Action, ...], seen: Seen) -> None:
        """Say what should be. What is refused now is asked again at the next look, which tells why it was."""
        self._refused.clear()
        wanted = next((a for a in actions if isinstance(a, Check)), None)
        for action in actions:
            try:
                self._do(target, action, seen)
                reach(type(action).__name__)
            except Fenced:
                # Another token is there: whether this is still the holder has to be asked anew.
                self._target = None
                raise
            except AdapterError as error:
                _log.warning("%s: %s", self._rollout.id, error)
                self._refused.append(str(error))
        awaited = (wanted.name, wanted.attempt) if wanted else ("", 0)
        running = {(c.name, c.attempt) for c in seen.checks if c.status is CheckStatus.RUNNING}
        if target.checks and running - {awaited}:
            target.checks.stop_all_but(*awaited)

    def _do(self, target: Target, action: Action, seen: Seen) -> None:
        match action:
            case Ensure(version, count):
                target.fleet.ensure(version, count)
            case Apply(split, keep, without):
                target.router.apply(split, _backends(seen, target, split, dict(keep), without))
            case Replace(version, instance):
                target.fleet.replace(version, instance)
            case SetFlag(ramp):
                if target.flags:
                    target.flags.apply(ramp)
            case Check(name, attempt, version):
                if target.checks and name in target.checks.names():
                    target.checks.ensure(name, attempt, self._facts(version, name, seen))

    def _facts(self, version: str, step: str, seen: Seen) -> dict[str, str]:
        there = [f"{i.host}:{i.port}" for i in seen.instances or () if i.version == version]
        old = self._rollout.state.old or ""
        return {"version": version, "old": old, "step": step, "instances": ",".join(there)}

    # ── what is told ───────────────────────────────────────────────────────────────────────────────────────

    def _live(self, decision: Decision, seen: Seen) -> LiveView:
        state, recent = decision.state, self._judging.recent
        step = self._rollout.plan.steps[state.step]
        exposed = sum(recent.values())
        wanted = next((a.split for a in decision.actions if isinstance(a, Apply)), seen.split)
        return LiveView(
            at=state.at,
            step=step.id,
            title=step.title,
            watched=state.watched if step.kind in (StepKind.ANALYSE, StepKind.BAKE) else state.waited,
            duration=step.duration,
            wanted=wanted.weight(state.new) if wanted else None,
            routed=seen.split.weight(state.new) if seen.split else None,
            closed=bool(seen.split and seen.split.closed),
            flag=SeenFlag(groups=seen.flag.groups, share=seen.flag.share) if seen.flag else None,
            observed=round(1000 * recent.get(state.new, 0) / exposed) if exposed else None,
            requests=dict(self._judging.totals),
            verdicts=tuple(_seen_verdict(v) for v in seen.verdicts),
            forecast=self._judging.forecast,
            health=self._judging.health(seen.verdicts),
            checks=tuple(SeenCheck(name=c.name, status=c.status.value, detail=c.detail) for c in seen.checks),
            instances=tuple(
                SeenInstance(id=i.id, version=i.version, health=i.health.value, port=i.port)
                for i in seen.instances or ()
            ),
            trouble=seen.trouble,
        )


def _seen_verdict(verdict: Verdict) -> SeenVerdict:
    low, high = verdict.interval or (None, None)
    return SeenVerdict(
        metric=verdict.metric,
        kind=verdict.kind.value,
        sentence=verdict.sentence,
        canary=verdict.canary,
        stable=verdict.stable,
        samples=verdict.samples,
        detail=verdict.detail,
        past=verdict.past,
        ratio=verdict.ratio,
        interval=(_bounded(low), _bounded(high)) if verdict.interval else None,
    )


def _bounded(end: float | None) -> float | None:
    """JSON knows no infinity: None is an open end."""
    return end if end is not None and math.isfinite(end) else None


def _backends(
    seen: Seen, target: Target, split: Split, keep: dict[str, int], without: tuple[str, ...] = ()
) -> dict[str, list[tuple[str, int]]]:
    """Where requests of each version may go: its healthy instances, or any living one when none is healthy,
    because an empty version answers nobody. keep: at most so many, the first · without: `host:port` of instances that
    are about to be replaced; where nobody else is left they still serve."""
    instances = seen.instances if seen.instances is not None else target.fleet.instances()
    backends: dict[str, list[tuple[str, int]]] = {}
    for version in {version for version, _ in split.weights} | {i.version for i in instances}:
        living = [i for i in instances if i.version == version and i.health in _LIVING]
        living = [i for i in living if f"{i.host}:{i.port}" not in without] or living
        living = living[: keep.get(version)]
        chosen: list[Instance] = [i for i in living if i.health is Health.HEALTHY] or living
        backends[version] = [(i.host, i.port) for i in chosen]
    return backends
