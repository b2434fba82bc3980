"""The judge of one rollout with its memory: what it is fed, what it says, what is kept of it in the store."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict

from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.config.stored import read_analysis
from pilotage.engine.execution.alongside import Alongside, flag_is_partly_off
from pilotage.engine.execution.counsel import counsels_of, lost_guards
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.histories import known_history
from pilotage.engine.execution.instruments import probe_specs, rules_of
from pilotage.engine.execution.judges import VARIANTS, judge_of_code, judge_of_flag
from pilotage.engine.execution.log_tails import with_log
from pilotage.engine.execution.polling import OLDEST
from pilotage.engine.execution.queries import QueriesBeside
from pilotage.engine.execution.targets import Target, kept_capabilities
from pilotage.engine.records.store import Store
from pilotage.judge.counted import RuleBook
from pilotage.judge.health import health_score
from pilotage.judge.look import Beside
from pilotage.judge.probes import ProbeBook
from pilotage.judge.release import ReleaseJudge, signal_alpha
from pilotage.judge.signals import SignalBook, count_tests
from pilotage.judge.wording import worded, words_of
from pilotage.model.flag import FlagPurpose
from pilotage.model.json import JsonObject, find
from pilotage.model.live import JudgeState
from pilotage.model.observation import Health, Reading, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.record import Rollout
from pilotage.model.rollout import Observed, RolloutState
from pilotage.rollout.machine import wants_probes
from pilotage.rollout.strategies import strategy_of
from pilotage.rollout.turn import Comparison

_log = logging.getLogger(__name__)

STALEST = 60.0
"""Seconds, plus what a source's figures cover and their delay: an older reading, or a future one, is none of now."""

_WATCHING = (StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP, StepKind.BATCH)


class Judging:
    """Survives a restart by what `saved` gives: the cursor is kept next to the sums it led to; nothing counts twice."""

    def __init__(self, store: Store, rollout: Rollout, crew: Crew | None = None) -> None:
        self._plan, self._snapshot, self._clock = rollout.plan, rollout.snapshot, store.clock
        self._store, self._rollout = store, rollout
        self._strategy = strategy_of(rollout.plan)
        self._new, self._old, self._name = rollout.state.new, rollout.state.old, rollout.id
        self._history = known_history(store, rollout)
        self._can = kept_capabilities(self._snapshot)
        analysis = read_analysis(self._snapshot.environment)
        self._queries = dict(analysis.queried) if analysis else {}
        self._every = analysis.signals_every if analysis else 15.0
        self._compared_signals = count_tests(tuple(self._queries))
        self.recent: dict[str, int] = {}
        # Figures of a period that is over say nothing of the share that the split gives now.
        apart = self._can.router.sticky or self._can.metrics.period > 0
        self._alongside = Alongside(self._new, self._old, sticky=apart)
        self._stalest = STALEST + self._can.metrics.period + self._can.metrics.late
        self._crew, self._lock = crew or Crew(), threading.Lock()
        self._new_reading: tuple[str, Reading | Exception] | None = None
        self._read_at = time.monotonic()
        self._begins: RolloutState | None = None
        self._begin(rollout.state.tries)
        # One that is over is judged no more, and keeps only what others learn from.
        if rollout.judge is not None and not rollout.state.status.final:
            try:
                self._restore(rollout.judge)
            except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
                # Written by another version of Pilotage: the evidence starts again, the rollout does not.
                _log.exception("%s: the analysis data is unreadable; the analysis restarts", self._name)
                self._begin(rollout.state.tries)

    def _begin(self, tries: int) -> None:
        """Without any evidence."""
        self._unproven = False
        self._subject, self._tries = "code", tries
        self._cursor: JsonObject | None = None
        self._judge = self._new_judge()
        self._rules = RuleBook(rules_of(self._snapshot, self._new, self._old))
        alpha = signal_alpha(self._plan, self._compared_signals)
        beside = self._old is not None
        self._signals = SignalBook(self._plan, tuple(self._queries), alpha, self._every, old=beside)
        self._probes = ProbeBook(probe_specs(self._snapshot))
        self._counsels = counsels_of(self._store, self._rollout, self._crew)
        self._asking = QueriesBeside(self._crew, self._rules, self._signals, self._queries, self._clock)
        self.totals: dict[str, int] = {}

    def _restore(self, saved: JudgeState) -> None:
        """Continue with what was saved. Raises all sorts of errors where another version's sums are not ours."""
        self._subject, self._tries = saved.subject, saved.tries
        self._judge = self._new_judge()
        self._judge.restore(saved.sums)
        for book, sums in ((self._rules, saved.rules), (self._signals, saved.signals), (self._probes, saved.probes)):
            if sums:
                book.restore(sums)
        self._counsels.restore(saved.counsels)
        self._cursor = saved.cursor
        self.totals = dict(saved.totals)
        self._unproven = True

    def begin_phase(self, state: RolloutState) -> None:
        """A step began that is watched: what counts towards advancing from it starts again. Through other steps the
        last watch's figures stay, which are why the release is where it is."""
        if self._plan.steps[state.step].kind not in _WATCHING:
            return
        self._begins = state
        if self._lock.acquire(blocking=False):
            try:
                self._begin_phase()
            finally:
                self._lock.release()

    def _begin_phase(self) -> None:
        state, self._begins = self._begins, None
        if state is None:
            return
        self._judge.begin_phase(asks_for_requests=not self._plan.steps[state.step].ramp)
        self._rules.begin_phase()
        self._signals.begin_phase()
        self._probes.begin_phase()
        self._asking.begin_phase()

    def ask_source(self, target: Target, seen: Observed) -> None:
        """Ask the metrics source what happened since the last reading; `verdicts` uses the answer. It runs next to the
        judge, so a silent source does not delay it."""
        if (seen.split is None and not seen.trouble) or self._new_reading is not None:
            return
        subject, (new, old) = self._subject, self._names()
        source: Metrics | None = target.variants if subject == "flag" else target.metrics
        fresh = self._strategy.baseline(self._plan, self._old) if subject == "code" else None
        try:
            if source is None:
                raise AdapterError("no metrics by variant: configure flag.metrics_path")
            reading: Reading | Exception = source.observe([n for n in (new, old, fresh) if n], self._cursor)
        except Exception as error:
            reading = error
        self._new_reading = subject, reading

    def verdicts(self, target: Target, state: RolloutState, seen: Observed) -> tuple[Verdict, ...]:
        """The verdicts of this look. Whatever goes wrong in here is the judge's trouble: it must never keep the
        rollout from being looked at, or an abort from being obeyed (rules 5 and 7)."""
        with self._lock:
            return self._verdicts(target, state, seen)

    def _verdicts(self, target: Target, state: RolloutState, seen: Observed) -> tuple[Verdict, ...]:
        try:
            self._begin_phase()
            self._turn_to(state)
            try:
                self._observe(seen)
            except Exception as error:
                # What the probes and the fleet say counts all the same.
                _log.exception("%s: reading the metrics failed", self._name)
                if self._unproven:
                    # Sums of another version may fail only where new figures are added to them.
                    self._begin(self._tries)
                else:
                    self._judge.source_failed(f"reading the metrics failed: {type(error).__name__}: {error}")
            self._measure(target, state, seen)
            self._probe(target, state, seen)
            counted = (*self._rules.verdicts(), *self._signals.verdicts(), *self._probes.verdicts(self._new))
            counted += (*self._counsels.verdicts(), *lost_guards(target))
            words = words_of(
                self._plan.answers.deployment_strategy, first=self._old is None, flag=self._subject == "flag"
            )
            judged = (worded(verdict, words) for verdict in self._judge.verdicts())
            ill = self._judge.ill_instance
            return tuple(with_log(verdict, seen, target.fleet, ill) for verdict in (*judged, *counted))
        except Exception as error:
            _log.exception("%s: the analysis failed", self._name)
            sentence = f"the analysis failed: {type(error).__name__}: {error}"
            return (Verdict("judge", VerdictKind.SOURCE_ERROR, sentence),)

    @property
    def of_experiment(self) -> bool:
        return find(self._snapshot.section("flag"), "purpose") == FlagPurpose.EXPERIMENT

    @property
    def forecast(self) -> str:
        return self._judge.forecast()

    def health(self, verdicts: tuple[Verdict, ...]) -> float:
        return health_score(verdicts, self._plan.number("analysis.false_positive_rate")).score

    def saved(self) -> JudgeState | None:
        """All that the next look needs, in any worker. None while the judge does not return: the last saved state
        stays. This object keeps no copy, because it is larger than the sums themselves."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._all()
        finally:
            self._lock.release()

    def _all(self) -> JudgeState:
        return JudgeState(
            subject=self._subject,
            sums=self._judge.to_dict(),
            cursor=self._cursor,
            totals=dict(self.totals),
            rules=self._rules.to_dict(),
            signals=self._signals.to_dict(),
            probes=self._probes.to_dict(),
            counsels=self._counsels.saved(),
            tries=self._tries,
            history=asdict(self._history) if self._history else None,
        )

    # ── what is judged ─────────────────────────────────────────────────────────────────────────────────────

    def _turn_to(self, state: RolloutState) -> None:
        """Judge what the strategy compares at this step: two versions of the code, or flag-on and flag-off (R16)."""
        subject = "flag" if self._strategy.comparison(self._plan, state) is Comparison.VARIANTS else "code"
        if subject != self._subject:
            self._subject, self._cursor, self._new_reading = subject, None, None
            self._judge = self._new_judge()
        self._alongside.follow(state)
        if state.tries != self._tries:
            self._tries = state.tries
            self._judge.begin_again()
            self._signals.begin_again()
            self._probes.begin_again()
            self._counsels.begin_again()

    def _names(self) -> tuple[str, str | None]:
        return VARIANTS if self._subject == "flag" else (self._new, self._old)

    def _new_judge(self) -> ReleaseJudge:
        known = self._plan, self._snapshot, self._can, self._compared_signals
        if self._subject == "flag":
            return judge_of_flag(*known)
        return judge_of_code(*known, self._new, self._old, self._history)

    def _observe(self, seen: Observed) -> None:
        """Take in the reading that came, if one did."""
        if seen.split is None and not seen.trouble:
            return
        (subject, reading), self._new_reading = self._new_reading or ("", None), None
        if reading is None or subject != self._subject:
            if (silent := time.monotonic() - self._read_at) > OLDEST:
                self._judge.source_failed(f"the metrics source has not responded for {silent:.0f} s")
            return
        self._read_at = time.monotonic()
        if isinstance(reading, AdapterError):
            self._judge.source_failed(f"the metrics source failed: {reading}")
            return
        if isinstance(reading, LookupError | TypeError | ValueError) and self._cursor is not None:
            # Perhaps the cursor of another version: read from now on, rather than fail at every look.
            _log.warning("%s: the metrics cursor is unreadable; reading continues from now: %r", self._name, reading)
            self._cursor = None
            return
        if isinstance(reading, Exception):
            raise reading
        age = self._clock.now() - reading.at
        if abs(age) > self._stalest:
            self._judge.source_failed(f"the newest sample of the metrics source is {age:.0f} s old")
            return
        self._cursor = reading.cursor
        self._judge.observe(reading, seen.instances or (), self._beside(seen))
        self._counsels.observe(reading)
        self._unproven = False
        # Synthetic requests count as requests here.
        ours = {o.version: o.synthetic.requests if o.synthetic else 0 for o in reading.observations}
        self.recent = {o.version: o.requests + ours[o.version] for o in reading.observations}
        for version, requests in self.recent.items():
            self.totals[version] = self.totals.get(version, 0) + requests

    def _beside(self, seen: Observed) -> Beside:
        if self._subject == "flag":
            return self._alongside.of_flag(seen)
        return self._alongside.of_code(seen, self._strategy.baseline(self._plan, self._old))

    def _measure(self, target: Target, state: RolloutState, seen: Observed) -> None:
        """Ask what counted rules and signals want to know: while a step is watched; of stable, also before."""
        if target.queries:
            watching = self._plan.steps[state.step].kind in _WATCHING
            control = flag_is_partly_off(seen) if self._subject == "flag" else self._alongside.stable_serves(seen)
            self._asking.ask(target.queries, self._names(), control=control, watching=watching)

    def _probe(self, target: Target, state: RolloutState, seen: Observed) -> None:
        """Keep the probes going while users can have the new version, and take in what they found."""
        if target.probes is None:
            return
        if not wants_probes(self._plan, state):
            target.probes.stop()
            return
        there = [i for i in seen.instances or () if i.health is Health.HEALTHY]
        versions = [v for v in (self._new, self._old) if v]
        target.probes.keep_up({v: [(i.host, i.port) for i in there if i.version == v] for v in versions})
        for result in target.probes.results():
            self._probes.record(result)
