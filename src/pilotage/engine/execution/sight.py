"""What a look observes: router, fleet, flag, checks, freezes, and the judge's verdicts, each with its own time limit.

A look that rolls back observes only what it needs to return the users, and hardly waits for that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pilotage.adapters.ports import AdapterError, PreparingFleet
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.groups import barrier_of
from pilotage.engine.execution.judging import Judging
from pilotage.engine.execution.obstacles import Obstacles
from pilotage.engine.execution.polling import Poll, Round
from pilotage.engine.execution.targets import Target
from pilotage.engine.records.store import Store
from pilotage.model.flag import OFF, Ramp
from pilotage.model.observation import CheckResult, CheckStatus, Instance, Preparation, Verdict, VerdictKind
from pilotage.model.record import Rollout
from pilotage.model.rollout import Observed
from pilotage.model.step_ids import CHECK_KILL_SWITCH, PREPARE
from pilotage.model.traffic import Split
from pilotage.rollout.windows import freeze_now, outside_windows

if TYPE_CHECKING:
    Endpoints = Mapping[str, frozenset[tuple[str, int]]]

_BUDGET = 2.0
"""Seconds that a look waits for observations; a rollback command interrupts it."""
_BUDGET_FIRST = 8.0
"""Seconds that a look waits for router and fleet if neither was ever read: nothing can be decided without them, and a
missing first answer is not an error yet."""
_LITTLE = 0.1
_BUDGET_JUDGE = 1.0
_BUDGET_UNDOING = 0.15
_OLDEST_ADDRESSES = 60.0
"""Seconds for which the addresses of instances are good enough to lead users back to them."""
_UNKNOWN = "the store does not respond, so a freeze or a failure of another service cannot be ruled out"

_T = TypeVar("_T")


class Sight:
    """Of one rollout. `trouble` of the last look is part of its result; errors of the outside are not raised. overseen:
    another thread takes over a look that hangs, so questions are asked in the look's own thread."""

    def __init__(self, crew: Crew, store: Store, *, overseen: bool = False) -> None:
        self._crew, self._store, self._overseen = crew, store, overseen
        self._router: Poll[tuple[Split | None, Endpoints | None, str]] = Poll("router")
        self._fleet: Poll[tuple[Instance, ...]] = Poll("fleet")
        self._flag: Poll[Ramp] = Poll("flag")
        self._obstacles = Obstacles()
        self._checks: Poll[tuple[tuple[CheckResult, ...], frozenset[str]]] = Poll("checks")
        self._agreed: Poll[tuple[str, str]] = Poll("store")
        self._source: Poll[None] = Poll("metrics")
        self._judge: Poll[None] = Poll("judge")
        self._round: Round | None = None
        self._asked_of: object = None
        self._is_first = True
        self._verdicts: tuple[Observed, tuple[Verdict, ...]] | None = None

    def whole(
        self, target: Target, rollout: Rollout, judging: Judging, trouble: Sequence[str], hurried: Callable[[], bool]
    ) -> Observed | None:
        """All observations, with the judge's verdicts; None if a command interrupts (`hurry`), and `hurried` says that
        it rolls back."""

        def judge() -> None:
            seen = self._assembled(target, rollout, trouble)
            self._verdicts = seen, judging.verdicts(target, rollout.state, seen)

        def judge_now() -> None:
            self._judge.ask(judge)

        questions: list[Callable[[], object]] = [
            lambda: self._router.ask(lambda: _read_router(target)),
            lambda: self._fleet.ask(target.fleet.instances),
        ]
        if _asks_checks(target):
            questions.append(lambda: self._ask_flag_and_checks(target, rollout))
        questions += [
            lambda: self._agreed.ask(lambda: _agreed(self._store, rollout)),
            lambda: self._source.ask(lambda: judging.ask_source(target, self._assembled(target, rollout, trouble))),
        ]
        began = time.monotonic()
        if not self._asked(questions, judge_now, (target, judging), hurried) or (
            self._verdicts is None and not self._waited(Round(self._crew, [judge_now]), _BUDGET_JUDGE, hurried)
        ):
            return None
        if self._verdicts is not None:
            seen, verdicts = self._verdicts
            return replace(seen, verdicts=verdicts)
        late = f"the analysis has not responded for {max(self._judge.silent, time.monotonic() - began):.0f} s"
        verdict = Verdict("judge", VerdictKind.SOURCE_ERROR, late)
        return replace(self._assembled(target, rollout, trouble), verdicts=(verdict,))

    def _asked(
        self, questions: Sequence[Callable[[], object]], last: Callable[[], object], of: object,
        hurried: Callable[[], bool],
    ) -> bool:  # fmt: skip
        """Ask all of it. If another thread was overtaken while it asked the same `of` the same, its answers are used.
        False if a command arrived that rolls back; raises Overtaken."""
        left, self._asked_of = self._asked_of, of
        if self._round is not None and left == of and self._round.take_up():
            return self._waited(self._round, _BUDGET, hurried)
        self._verdicts = None
        asked = self._round = Round(self._crew, questions, last)
        if not self._overseen:
            return self._waited(asked, _BUDGET, hurried)
        asked.here()
        self._is_first = False
        return True

    def _waited(self, asked: Round, budget: float, hurried: Callable[[], bool]) -> bool:
        """Wait as long as the budget allows, longer the first time, until router and fleet are known. False if a
        command arrived that rolls back."""
        self._round = asked
        began = time.monotonic()
        while not asked.wait(budget - (time.monotonic() - began)):
            if asked.hurried:
                if hurried():
                    asked.leave()
                    return False
                asked.calm()
            elif self._is_first and budget < _BUDGET_FIRST and not self._knows_where_users_go:
                budget += _LITTLE
            else:
                break
        self._is_first = False
        asked.leave()
        return True

    @property
    def _knows_where_users_go(self) -> bool:
        return self._router.was_answered and self._fleet.was_answered

    def undoing(
        self, target: Target, rollout: Rollout, trouble: Sequence[str], given_at: float = -math.inf
    ) -> Observed:
        """What the way back needs, as soon as it can be had: no judge, no query, no freeze. given_at: when users were
        last given something; that nobody had it before says nothing."""
        seen = self._needed(target, rollout, trouble, _BUDGET_UNDOING)
        if seen.flag == OFF and self._flag.asked_at < given_at:
            seen = replace(seen, flag=None)
        if self._router.asked_at < given_at:
            seen = replace(seen, split=None, endpoints=None)
        return seen

    def kept(self, target: Target, rollout: Rollout, trouble: Sequence[str]) -> Observed:
        """What the keeper of a finished rollout needs."""
        return self._needed(target, rollout, trouble, _BUDGET)

    def hurry(self) -> None:
        """Whoever waits for an answer waits no more."""
        if self._round is not None:
            self._round.hurry()

    def leave_to_another(self) -> bool:
        """Whether the look is left to another thread: something did not come back for too long."""
        return self._round is not None and self._round.leave_to_another()

    def addresses(self) -> tuple[Instance, ...]:
        """The instances that were there when they could last be read."""
        return self._fleet.answer(_OLDEST_ADDRESSES)[0] or ()

    def _needed(self, target: Target, rollout: Rollout, trouble: Sequence[str], budget: float) -> Observed:
        questions: list[Callable[[], object]] = [
            lambda: self._router.ask(lambda: _read_router(target)),
            lambda: self._fleet.ask(target.fleet.instances),
        ]
        if _asks_checks(target):
            questions.append(lambda: self._ask_flag_and_checks(target, rollout))
        if self._round is not None:
            self._round.leave()
        self._round = Round(self._crew, questions)
        self._round.wait(budget)
        return replace(self._assembled(target, rollout, trouble), freeze="", barrier="")

    def _assembled(self, target: Target, rollout: Rollout, trouble: Sequence[str]) -> Observed:
        told = list(trouble)

        def known(asked: Poll[_T]) -> _T | None:
            value, wrong = asked.answer()
            told.extend([wrong] if wrong else [])
            return value

        split, endpoints, wrong = known(self._router) or (None, None, "")
        told.extend([wrong] if wrong else [])
        instances = known(self._fleet)
        flag = known(self._flag) if target.flags else None
        nothing: tuple[tuple[CheckResult, ...], frozenset[str]] = ((), frozenset())
        checks, hooks = (known(self._checks) or nothing) if _asks_checks(target) else nothing
        freeze, barrier = known(self._agreed) or ("", _UNKNOWN)
        return Observed(
            split, instances, trouble="; ".join(told), endpoints=endpoints, hooks=hooks, checks=checks, freeze=freeze,
            barrier=barrier, outside=outside_windows(rollout.snapshot.calendar, self._store.clock.now()), flag=flag,
            lacking=self._obstacles.of(rollout, instances or ()),
        )  # fmt: skip

    def _ask_flag_and_checks(self, target: Target, rollout: Rollout) -> None:
        if target.flags:
            self._flag.ask(target.flags.read)
        self._checks.ask(lambda: _read_checks(target, rollout))


def _asks_checks(target: Target) -> bool:
    return bool(target.flags or target.checks or target.can.fleet.prepares)


def _read_router(target: Target) -> tuple[Split | None, Endpoints | None, str]:
    split = target.router.read()
    try:
        return split, target.router.endpoints() if split else None, ""
    except AdapterError as error:
        return split, None, f"router: {error}"


def _agreed(store: Store, rollout: Rollout) -> tuple[str, str]:
    now = store.clock.now()
    declared = store.freezes.of(rollout.service, rollout.environment, now)
    return freeze_now(rollout.snapshot.calendar, declared, now), barrier_of(store, rollout)


def _read_checks(target: Target, rollout: Rollout) -> tuple[tuple[CheckResult, ...], frozenset[str]]:
    checks = tuple(target.checks.results()) if target.checks else ()
    hooks = target.checks.names() if target.checks else frozenset()
    if (prepared := _prepared(target, rollout)) is not None and prepared.status is not CheckStatus.PASSED:
        return (*(check for check in checks if check.name != PREPARE), prepared), hooks | {PREPARE}
    if prepared is not None and PREPARE not in hooks:
        return (*checks, prepared), hooks | {PREPARE}
    if (rehearsed := _rehearsed(target, rollout, hooks)) is not None:
        return (*checks, rehearsed), hooks | {rehearsed.name}
    return checks, hooks


def _rehearsed(target: Target, rollout: Rollout, hooks: frozenset[str]) -> CheckResult | None:
    """The kill switch is tried before anyone depends on it, unless the configuration has a better test."""
    state = rollout.state
    if target.flags is None or CHECK_KILL_SWITCH in hooks or rollout.plan.steps[state.step].id != CHECK_KILL_SWITCH:
        return None
    try:
        target.flags.rehearse()
    except AdapterError as error:
        return CheckResult(CHECK_KILL_SWITCH, state.attempt, CheckStatus.FAILED, str(error))
    return CheckResult(CHECK_KILL_SWITCH, state.attempt, CheckStatus.PASSED, "turned on and off for a test user")


def _prepared(target: Target, rollout: Rollout) -> CheckResult | None:
    """How far the fleet is with bringing the version to where it runs, at the step that waits for it."""
    state = rollout.state
    if rollout.plan.steps[state.step].id != PREPARE:
        return None
    if not isinstance(target.fleet, PreparingFleet):
        return CheckResult(PREPARE, state.attempt, CheckStatus.PASSED, "this fleet has nothing to prepare")
    found = target.fleet.prepared(state.new) or Preparation(status=CheckStatus.RUNNING, detail="about to begin")
    return CheckResult(PREPARE, state.attempt, found.status, found.detail)
