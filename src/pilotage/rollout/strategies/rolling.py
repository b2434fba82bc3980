"""Rolling (R14): instances replaced batch by batch within what the fleet can spare; the way back walks the same way."""

from __future__ import annotations

from pilotage.model.events import BatchRestored, BatchReturned
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.progress import RollingProgress
from pilotage.model.quantity import portion_of
from pilotage.model.rollout import Action, Hold, HoldCause, RolloutState, Seen, Status
from pilotage.rollout import shifting, walking
from pilotage.rollout.diversion import divert
from pilotage.rollout.sight import healthy
from pilotage.rollout.turn import (
    FORWARD,
    UNDER_WAY,
    Strategy,
    Turn,
    fail_without_a_way_back,
    give_up,
    note_out,
    overdue_back,
    rolled_back,
)
from pilotage.rollout.walking import Walk


def _own(state: RolloutState) -> RollingProgress:
    assert isinstance(state.progress, RollingProgress)
    return state.progress


def restored(state: RolloutState) -> bool:
    """Whether the batch of this step runs the new version, is healthy and serves."""
    return _own(state).restored


def _fresh(_state: RolloutState) -> RollingProgress:
    return RollingProgress()


def _none_undone(_plan: Plan, _state: RolloutState) -> RollingProgress:
    return RollingProgress()


def _batches(plan: Plan) -> list[Step]:
    return [step for step in plan.steps if step.kind is StepKind.BATCH]


def _walk(plan: Plan, state: RolloutState) -> Walk:
    """The walk under way: forward the present batch (or none, between them), backward the next one to undo."""
    batches, full = _batches(plan), plan.instances
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
    """So many instances carry the service while `rolling.max_unavailable` of them are away."""
    full = plan.instances
    return full - min(portion_of(str(plan.setting("rolling.max_unavailable").value), full), full - 1)


def _frees_all(plan: Plan, state: RolloutState) -> bool:
    """Whether the old instances that are left carry everything, so that no updated one needs to serve."""
    return _walk(plan, state).after[1] >= _enough(plan)


def _desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    if state.status is Status.WITHDRAWN:
        return walking.withheld(_walk(plan, state), state, seen)
    return walking.desired(_walk(plan, state), state, seen)


def _note(turn: Turn) -> None:
    """A batch stabilises from when it is back in service; what leaves drains from when it gets nothing new."""
    walk = _walk(turn.plan, turn.state)
    note_out(turn, walking.drained(walk, turn.state, turn.seen))
    if turn.step.kind is not StepKind.BATCH or restored(turn.state) or turn.state.status not in FORWARD:
        return
    turn.set(watched=0.0)
    if walking.arrived(walk, turn.state, turn.seen):
        turn.set(progress=RollingProgress(restored=True))
        turn.tell(BatchRestored(step=turn.step.id, where=walking.where(turn.state, turn.seen)))


def _hold(turn: Turn) -> Hold | None:
    walk, state = _walk(turn.plan, turn.state), turn.state
    new, old = walk.before[0], walk.after[1]
    if state.old and healthy(turn.seen, state.old) < old:
        return Hold(
            HoldCause.STABLE_UNHEALTHY, f"{healthy(turn.seen, state.old)} of {old} instances of {state.old} are healthy"
        )
    if healthy(turn.seen, state.new) < new:
        return Hold(
            HoldCause.CANARY_UNHEALTHY, f"{healthy(turn.seen, state.new)} of {new} instances of {state.new} are healthy"
        )
    return None


def _done(turn: Turn) -> bool:
    if turn.step.kind is not StepKind.BATCH:
        raise ValueError(f"rolling has no step of kind {turn.step.kind}")
    return restored(turn.state) and walking.arrived(_walk(turn.plan, turn.state), turn.state, turn.seen)


def _missing(turn: Turn) -> str:
    return walking.where(turn.state, turn.seen)


def _go_back(turn: Turn) -> None:
    """No further batch; the updated instances walk back, the last batch first."""
    state = turn.state
    if state.old is None:
        fail_without_a_way_back(turn)
        return
    walk = _walk(turn.plan, state)
    if walking.arrived(walk, state, turn.seen):
        if walk.after[0] == 0:
            rolled_back(turn, f"every instance is {state.old} again and healthy")
            return
        turn.set(progress=RollingProgress(undone=_own(state).undone + 1), out=False, drained=0.0)
        turn.tell(BatchReturned(where=walking.where(state, turn.seen)))
    elif overdue_back(turn):
        give_up(turn, walking.where(state, turn.seen))


ROLLING = Strategy(
    progress=RollingProgress(),
    next_progress=_fresh,
    turn_back=_none_undone,
    desired=_desired,
    done=_done,
    missing=_missing,
    hold=_hold,
    go_back=_go_back,
    unwell="rolling.health_timeout",
    stable_unwell="rolling.health_timeout",
    note=_note,
    divert=divert,
    withdraws=shifting.withdraws,
    frees_all=_frees_all,
    returned=shifting.returned,
    replaces_alone=True,
)
