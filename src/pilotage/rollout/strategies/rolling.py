"""Rolling (R14): instances are replaced batch by batch, as many as the fleet can spare; the way back does the same.

A batch gets no new requests, finishes those it has, is replaced, serves again, and is watched. `walking` replaces the
instances.
"""

from __future__ import annotations

from pilotage.model.action import Action
from pilotage.model.events import BatchHealthy, BatchRolledBack
from pilotage.model.plan import Plan, StepKind
from pilotage.model.progress import RollingProgress
from pilotage.model.quantity import portion_of
from pilotage.model.rollout import Hold, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.rollout import shifting, walking
from pilotage.rollout.checking import awaits_approval, awaits_check
from pilotage.rollout.sight import too_few, why_unwell
from pilotage.rollout.turn import FORWARD, UNDER_WAY, Comparison, Strategy, Tick
from pilotage.rollout.undoing import fail_rollback, fail_without_a_way_back, overdue_back, rolled_back
from pilotage.rollout.walking import Walk
from pilotage.rollout.watching import awaits_watch


class Rolling(Strategy):
    progress = RollingProgress()
    restarts_stable = True
    unwell_setting = "rolling.health_check_timeout"
    stable_unwell_setting = "rolling.health_check_timeout"
    replaces_alone = True
    serves_withdrawn = True

    # ── begin ──────────────────────────────────────────────────────────────────────────────────────────────

    def first_step(self, plan: Plan, mode: Mode) -> int:
        """Without an old version there is nothing to replace: the last batch starts all instances."""
        return max(_batch_steps(plan)) if mode is Mode.INITIAL else 0

    # ── check, replace batch after batch, watch ────────────────────────────────────────────────────────────

    def awaits(self, turn: Tick) -> str:
        match turn.step.kind:
            case StepKind.CHECK:
                return awaits_check(turn)
            case StepKind.GATE:
                return awaits_approval(turn)
            case StepKind.BATCH:
                return awaits_watch(turn) if self.did_its_part(turn) else walking.where(turn.state, turn.seen)
            case StepKind.BAKE:
                return awaits_watch(turn)
            case kind:
                raise ValueError(f"rolling has no step of kind {kind}")

    def desired(self, plan: Plan, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
        walk = _walk(plan, state)
        if state.status is Status.WITHDRAWN:
            return walking.withheld(walk, state, seen)
        return walking.desired(walk, state, seen)

    def note(self, turn: Tick) -> None:
        """Leaving instances drain from when they get no new request; a batch is watched from when it serves again."""
        walk = _walk(turn.plan, turn.state)
        turn.note_out(walking.drained(walk, turn.state, turn.seen))
        if turn.step.kind is not StepKind.BATCH or restored(turn.state) or turn.state.status not in FORWARD:
            return
        turn.set(watched=0.0)
        if walking.arrived(walk, turn.state, turn.seen):
            turn.set(progress=RollingProgress(restored=True))
            turn.tell(BatchHealthy(step=turn.step.id, instances=walking.where(turn.state, turn.seen)))

    def hold(self, turn: Tick) -> Hold | None:
        """Fewer instances of either version are healthy than the present batch needs."""
        walk, state = _walk(turn.plan, turn.state), turn.state
        new, old = walk.before[0], walk.after[1]
        if state.old is None and not state.reached:
            return None  # the first instances of all are still starting; the step's own deadline bounds that
        if state.old and (said := too_few(turn.seen, state.old, old, named=True)):
            return Hold(HoldCause.STABLE_UNHEALTHY, said + why_unwell(turn.seen, state.old))
        if said := too_few(turn.seen, state.new, new, named=True):
            return Hold(HoldCause.CANARY_UNHEALTHY, said + why_unwell(turn.seen, state.new))
        return None

    def next_progress(self, _turn: Tick) -> RollingProgress:
        return RollingProgress()

    def exposed(self, plan: Plan, state: RolloutState) -> bool:
        """From the first batch on."""
        return state.step >= min(_batch_steps(plan))

    def did_its_part(self, turn: Tick) -> bool:
        if turn.step.kind is not StepKind.BATCH:
            return True
        return restored(turn.state) and walking.arrived(_walk(turn.plan, turn.state), turn.state, turn.seen)

    def proven(self, turn: Tick) -> bool:
        """A batch that serves counts, too."""
        return restored(turn.state) if turn.step.kind is StepKind.BATCH else super().proven(turn)

    def overdue(self, turn: Tick) -> bool:
        """A batch must serve again by the deadline, less the time of its watch."""
        if turn.step.kind is not StepKind.BATCH:
            return super().overdue(turn)
        return not restored(turn.state) and turn.state.waited >= turn.step.timeout - turn.step.duration

    def comparison(self, _plan: Plan, _state: RolloutState) -> Comparison:
        return Comparison.SIDE_BY_SIDE

    # ── the way back ───────────────────────────────────────────────────────────────────────────────────────

    def withdraws(self, turn: Tick) -> bool:
        return shifting.has_stable(turn.state)

    def frees_all(self, turn: Tick) -> bool:
        """Whether the old instances that are left can carry all requests."""
        return _walk(turn.plan, turn.state).after[1] >= _enough(turn.plan)

    def returned(self, turn: Tick) -> bool:
        return shifting.no_user_has_it(turn)

    def turn_back(self, _turn: Tick) -> RollingProgress:
        return RollingProgress()

    def undo(self, turn: Tick) -> None:
        """Begin no further batch, and replace the updated instances again, the last batch first."""
        state = turn.state
        if state.old is None:
            fail_without_a_way_back(turn)
            return
        walk = _walk(turn.plan, state)
        if walking.arrived(walk, state, turn.seen):
            if walk.after[0] == 0:
                rolled_back(turn, f"every instance runs {state.old} again and is healthy")
                return
            turn.set(progress=RollingProgress(undone=_own(state).undone + 1), out=False, drained=0.0)
            turn.tell(BatchRolledBack(instances=walking.where(state, turn.seen)))
        elif overdue_back(turn):
            fail_rollback(turn, walking.where(state, turn.seen))


# ── which batch ────────────────────────────────────────────────────────────────────────────────────────────


def _own(state: RolloutState) -> RollingProgress:
    assert isinstance(state.progress, RollingProgress)
    return state.progress


def restored(state: RolloutState) -> bool:
    """Whether this step's batch runs the new version, is healthy, and serves."""
    return _own(state).restored


def _batch_steps(plan: Plan) -> list[int]:
    """Indices of the steps that replace a batch."""
    return [i for i, step in enumerate(plan.steps) if step.kind is StepKind.BATCH]


def _walk(plan: Plan, state: RolloutState) -> Walk:
    """The walk under way: forward the present batch (or none, between batches), backward the next one to undo."""
    batches, full = [plan.steps[i] for i in _batch_steps(plan)], plan.instances
    counts = (0, *(step.instances for step in batches))
    begun = sum(step.kind is StepKind.BATCH for step in plan.steps[: state.step + 1])
    if state.status in UNDER_WAY:
        moving = plan.steps[state.step].kind is StepKind.BATCH and not restored(state)
        before, after = counts[begun - 1] if moving else counts[begun], counts[begun]
    elif state.status is Status.COMPLETED:
        before = after = full
    else:
        now = max(0, begun - _own(state).undone)
        before, after = counts[now], counts[max(0, now - 1)]
    drain = plan.number("rolling.drain_duration")
    return Walk((before, full - before), (after, full - after), batches[0].beside, drain, _enough(plan))


def _enough(plan: Plan) -> int:
    """How many instances carry the service while `rolling.max_unavailable` of them are away."""
    full = plan.instances
    return full - min(portion_of(str(plan.setting("rolling.max_unavailable").value), full), full - 1)
