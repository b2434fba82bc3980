"""Drives one rollout: observe, judge, decide, record, act, and again. Each look is level-triggered: after a crash
anywhere, the next look sees the current state and sets the desired one again.

No look waits for anything outside for longer than its budget. Commands come first, and a rollback asks no judge. While
the store is away the driver continues with its state in memory: users may be returned, and nothing goes forward.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pilotage.adapters.ports import Fenced
from pilotage.engine.execution.acting import Acting
from pilotage.engine.execution.command_reader import CommandReader, undoes
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.execution.judging import Judging
from pilotage.engine.execution.recorder import BACK, Recorder
from pilotage.engine.execution.sight import Sight
from pilotage.engine.execution.targets import SWITCH_DEADLINE, Target, open_target
from pilotage.engine.execution.tenure import PATIENCE, Present, Tenure
from pilotage.engine.execution.viewing import view_of
from pilotage.engine.placement import leases
from pilotage.engine.placement.location import place_of
from pilotage.engine.placement.sighting import Noting
from pilotage.engine.records.checkpoints import Checkpoints
from pilotage.engine.records.store import Store
from pilotage.engine.rescue import flag_rescue, rescued
from pilotage.engine.rescue import take_back as rescue
from pilotage.engine.rescue.journal import Journal
from pilotage.engine.rescue.takeover import found_at_takeover, require_continued
from pilotage.model.action import Action
from pilotage.model.migration import HAS_SCHEMA_ALONE
from pilotage.model.observation import Verdict
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import Command, Decision, Observed, RolloutState, Status
from pilotage.rollout.machine import decide, desired, wants_traffic
from pilotage.rollout.strategies import strategy_of
from pilotage.rollout.waves import kept

_PATIENCE_UNDOING = 0.3
"""Seconds that who takes users back waits for the store, and then acts without a record."""

LeaseLost = leases.LeaseLost


class Driver:
    """One rollout of this worker. heart: renews the leases of all its rollouts; without one the driver renews its own ·
    crew: the threads for calls that may not return · checkpoint_every: seconds between records of looks without events;
    events are recorded before Pilotage acts, unless they return users and the store is away · checkpoints: records such
    looks in the background; without it, the look waits for them · overseen: another thread takes over a look that hangs
    (`leave_to_another`)."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        rollout: str,
        holder: str,
        heart: leases.LeaseKeeper | None = None,
        crew: Crew | None = None,
        *,
        checkpoints: Checkpoints | None = None,
        overseen: bool = False,
    ) -> None:
        self._store, self._directory, self._holder = store, directory, holder
        self._crew = crew or Crew()
        found = store.get(rollout)
        self._place = (directory, found.service, found.environment)
        self._folder = place_of(*self._place)
        self._tenure = Tenure(store, directory, found, holder, heart, self._crew, self._opened)
        self._asked = CommandReader(store, directory, found, self._crew)
        self._journal = Journal(*self._place)
        self._checkpoints = checkpoints
        self._recorder = Recorder(store, found, self._journal, self._crew, checkpoints)
        self._judging = Judging(store, found, self._crew)
        self._sight = Sight(self._crew, store, overseen=overseen)
        self._acting = Acting(rollout, self._folder, self._crew, overseen=overseen)
        self._noting = Noting(self._folder)
        self._recorded = -math.inf
        self._attended = 0.0
        self._verdicts: tuple[Verdict, ...] = ()
        self._phase = self.rollout.state.step
        self._taken_up = False
        self.checkpoint_every = 0.0

    @property
    def rollout(self) -> Rollout:
        return self._recorder.rollout

    @property
    def alone(self) -> str:
        """Why the store is not to be relied on; empty while it is."""
        return self._recorder.away

    def take_in_hand(self) -> None:
        """Lease the target before the first look. Raises LeaseLost; ConnectionError while the store is away."""
        self._open()

    def hurry(self) -> None:
        """A command arrived: a look that waits for observations stops waiting."""
        self._sight.hurry()

    def leave_to_another(self) -> bool:
        """Whether the current look is left to another thread, which starts it again and reuses the answers."""
        return self._sight.leave_to_another() or self._acting.leave_to_another()

    def let_go(self) -> None:
        """This worker goes no further with the rollout."""
        self._recorder.let_go()

    def keep(self) -> None:
        """Set the desired state of a finished rollout again: exited instances restart, a router that lost its routes
        gets them back."""
        target = self._open()
        if not self._taken_up:
            require_continued(self._store, self.rollout, self._journal, self._tenure.name)
            self._taken_up = True
        if rescued.must_wait(self._store, self._directory, self.rollout):
            return
        now = self._store.clock.now()
        seen = replace(self._sight.kept(target, self.rollout, self._acting.refused), at=now)
        self._noting.note(seen.split, seen.instances, now)
        self._act(target, desired(self.rollout.plan, self.rollout.state, seen), seen, back=False)

    def look(self, *, commanded: bool = True) -> Decision:
        """One look: observe, decide, record, act. Raises LeaseLost, StoreConflict, Fenced if another worker took over,
        Overtaken if another thread did. commanded: a command may have arrived."""
        self._recorder.settle()
        target = self._open()
        self._follow_phase()
        reach("seen")
        commands = self._asked.commands(self._recorder, commanded)
        seen = None
        if not undoes(self.rollout, commands):
            seen = self._sight.whole(target, self.rollout, self._judging, self._trouble(), self._hurried)
        if seen is None:
            commands = commands or self._asked.commands(self._recorder, True)
            seen = self._sight.undoing(target, self.rollout, self._trouble(), self._acting.given_at)
        else:
            self._verdicts = seen.verdicts
        seen = replace(seen, refusal=self._acting.refusal)
        decision = self._decide(seen, commands)
        if decision.state.step != self.rollout.state.step:
            self._judging.begin_phase(decision.state)
        self._phase = decision.state.step
        reach("decided")
        decision = self._record(decision, seen)
        self._recorder.forget_strange()
        reach("recorded")
        self._asked.obeyed(self._recorder, decision, told=False)
        self._act(target, decision.actions, seen, back=decision.state.status in BACK)
        reach("acted")
        self._asked.obeyed(self._recorder, decision, told=not self._acting.is_under_way)
        if own := target.synthetic:
            (own.keep_up if wants_traffic(self.rollout.plan, decision.state) else own.stop)()
        return decision

    # ── what is so ─────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> Target:
        """The target, for the holder of its lease; the state that another worker left is loaded first."""
        held = self._tenure.hold(self._recorder)
        if held.present is not None:
            self._take_over(held.present)
        if held.anew:
            rescue.remember(self._directory, self.rollout)
            flag_rescue.remember(self._folder, self.rollout)
        return held.target

    def _opened(self, token: int) -> Target:
        rollout = self.rollout
        return open_target(
            self._directory, rollout.snapshot, rollout.service, rollout.environment, token, rollout.id, self._holder,
            _switch_timeout(rollout.plan),
        )  # fmt: skip

    def _take_over(self, present: Present) -> None:
        """Continue from the store's record: another worker may have continued the rollout."""
        known = self.rollout.revision
        self._journal.read()
        self._recorder.let_go()
        self._recorder = Recorder(self._store, present.rollout, self._journal, self._crew, self._checkpoints)
        self._recorder.resume(present.told)
        self._taken_up = False
        if self.rollout.revision != known:
            self._judging = Judging(self._store, replace(present.rollout, state=self.rollout.state), self._crew)

    def _hurried(self) -> bool:
        return undoes(self.rollout, self._asked.commands(self._recorder, True))

    def _trouble(self) -> list[str]:
        """While it goes forward, the approval that a provider waits for is the reason of a hold, and no trouble."""
        refused, refusal = self._acting.refused, self._acting.refusal
        if refusal is not None and refusal.approval and self.rollout.state.status not in BACK:
            refused = [one for one in refused if one != refusal.sentence]
        return [*refused, *([self.alone] if self.alone else [])]

    def _follow_phase(self) -> None:
        """A record whose answer came late brought the rollout to another step."""
        if self.rollout.state.step != self._phase:
            self._phase = self.rollout.state.step
            self._judging.begin_phase(self.rollout.state)

    # ── what that means ────────────────────────────────────────────────────────────────────────────────────

    def _decide(self, seen: Observed, commands: tuple[Command, ...]) -> Decision:
        now, before = self._store.clock.monotonic(), self.rollout.state
        passed = now - self._attended if self._attended else None
        self._attended = now
        if not self._taken_up:
            self._taken_up = True
            found = found_at_takeover(
                self.rollout, self._journal, seen, now=self._store.clock.now(), knows=self._tenure.knows_witness,
                left=self._recorder.strange, stable=rescue.stable_of(*self._place),
            )  # fmt: skip
            if found is not None:
                # It is to be judged against what was found.
                self._judging = Judging(self._store, replace(self.rollout, state=found.state, judge=None), self._crew)
                return replace(found, actions=desired(self.rollout.plan, found.state, seen))
        return decide(self.rollout.plan, before, seen, commands, self._store.clock.now(), passed)

    def _record(self, decision: Decision, seen: Observed) -> Decision:
        """Record what happened, before it is acted upon. What the store does not take in time holds only where it takes
        users back; else all stays as it was. Returns what holds."""
        before = self.rollout.state
        quiet = not decision.events and not decision.answered
        # The last event of a rollout that is over seals what the judge knew.
        if quiet and (before.status.final or not self._wants_checkpoint()):
            self._recorder.advance(decision)
            return decision
        judge = self._judging.saved()
        live = view_of(self.rollout.plan, decision, seen, self._verdicts, self._judging, judge)
        if quiet and self._recorder.takes_checkpoints and _one_row(before) == _one_row(decision.state):
            self._recorder.checkpoint(decision, judge, live)
            self._recorded = time.monotonic()
            return decision
        patience = _PATIENCE_UNDOING if decision.state.status in BACK else PATIENCE
        if self._recorder.record(decision, judge, live, patience):
            self._recorded = time.monotonic()
            return decision
        if _goes_forward(before, decision.state):
            return Decision(before, desired(self.rollout.plan, before, seen), ())
        if decision.events:
            self._tenure.check_fence()  # only for the holder of the target
            reach("keep")
        self._recorder.keep(decision)
        if decision.events:
            reach("kept")
        return decision

    def _wants_checkpoint(self) -> bool:
        if self._recorded == -math.inf:
            # Those of rollouts that are taken in hand together are not due together.
            self._recorded = time.monotonic() - random.random() * self.checkpoint_every
        return time.monotonic() - self._recorded >= self.checkpoint_every

    def _act(self, target: Target, actions: tuple[Action, ...], seen: Observed, *, back: bool) -> None:
        def facts(version: str, step: str) -> Mapping[str, str]:
            there = [f"{i.host}:{i.port}" for i in seen.instances or () if i.version == version]
            alone = {} if strategy_of(self.rollout.plan).shares_schema else {HAS_SCHEMA_ALONE: "yes"}
            old = self.rollout.state.old or ""
            return {"version": version, "stable_version": old, "step": step, "instances": ",".join(there), **alone}

        try:
            self._acting.act(target, actions, seen, facts, self._sight.addresses(), back=back)
        except Fenced:
            self._tenure.lapse()
            raise


def _one_row(state: RolloutState) -> tuple[object, ...]:
    """The parts of a state that have their own columns or are progress: a look that changes them is recorded
    immediately."""
    return (
        state.status, state.mode, state.old, state.step, state.reached, state.reason, state.dark, state.preserved,
        state.progress, state.diverted,
    )  # fmt: skip


def _goes_forward(before: RolloutState, after: RolloutState) -> bool:
    """Whether the decision exposes more users or takes a step, which needs a record to be undone."""
    if after.status in (Status.ROLLING_BACK, Status.FAILED, Status.ROLLED_BACK) or kept(after):
        return False
    moved = after.step != before.step or after.reached > before.reached or after.progress != before.progress
    withdrawn = before.status is Status.WITHDRAWN and after.status is not Status.WITHDRAWN
    return moved or withdrawn or after.status is Status.COMPLETED or bool(before.diverted and not after.diverted)


def _switch_timeout(plan: Plan) -> float:
    """Seconds for which one of several routers may be ahead of another."""
    found = (setting.value for setting in plan.settings if setting.path.endswith(".switch_timeout"))
    return next((float(value) for value in found if isinstance(value, int | float)), SWITCH_DEADLINE)
