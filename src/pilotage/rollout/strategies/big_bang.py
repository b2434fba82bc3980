"""Big-bang (R15): the service closes, everything is replaced at once, verified behind the maintenance page, opened.

On the way back it closes again, the restore command runs, the old version starts, and only a healthy one opens.
"""

from __future__ import annotations

from pilotage.model.events import MoveDone
from pilotage.model.observation import CheckStatus
from pilotage.model.plan import Plan, StepKind
from pilotage.model.progress import BigBangProgress
from pilotage.model.rollout import Action, Apply, Check, Ensure, Hold, RolloutState, Seen, Status
from pilotage.model.step_ids import CLOSE, OPEN, REPLACE, RESTORE
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.sight import check_status, healthy, present
from pilotage.rollout.turn import (
    FORWARD,
    Strategy,
    Turn,
    fail_without_a_way_back,
    give_up,
    note_out,
    overdue_back,
    rolled_back,
)


def _undone(state: RolloutState) -> int:
    assert isinstance(state.progress, BigBangProgress)
    return state.progress.undone


def _none_undone(_plan: Plan, _state: RolloutState) -> BigBangProgress:
    return BigBangProgress()


def _index(plan: Plan, identity: str) -> int:
    return next(index for index, step in enumerate(plan.steps) if step.id == identity)


def _closed(plan: Plan, state: RolloutState) -> bool:
    return _index(plan, CLOSE) <= state.step < _index(plan, OPEN)


def _replaced(plan: Plan, state: RolloutState) -> bool:
    """Whether the old version may have been stopped."""
    return state.step >= _index(plan, REPLACE)


def _shut(seen: Seen) -> bool:
    return seen.split is not None and seen.split.closed


def _desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    if seen.instances is None:
        # Unseen, nothing is stopped; and nobody is shut out or let in.
        return ()
    if state.status in FORWARD:
        return _forward(plan, state, seen)
    if state.status is Status.COMPLETED:
        gone = () if state.old is None else (Ensure(state.old, 0),)
        return (*gone, Ensure(state.new, plan.instances), Apply(Split(((state.new, WHOLE),))))
    return _backward(plan, state, seen)


def _forward(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    full, drained = plan.instances, state.drained >= plan.number("big_bang.drain_duration")
    if state.old is None:
        ready = healthy(seen, state.new) >= full
        start: tuple[Action, ...] = (Ensure(state.new, full),)
        return (*start, Apply(Split(((state.new, WHOLE),), closed=_closed(plan, state)))) if ready else start
    if not _replaced(plan, state):
        split = Split(((state.old, WHOLE),), closed=_closed(plan, state))
        return (Ensure(state.old, full), Ensure(state.new, 0), Apply(split))
    if not _closed(plan, state):
        return (Ensure(state.old, 0), Ensure(state.new, full), Apply(Split(((state.new, WHOLE),))))
    old_gone = not present(seen, state.old)
    stops = old_gone or (drained and _shut(seen))
    split = Split(((state.new if old_gone else state.old, WHOLE),), closed=True)
    return (Ensure(state.old, 0 if stops else full), Ensure(state.new, full if old_gone else 0), Apply(split))


def _backward(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    full = plan.instances
    if state.old is None:
        return (Ensure(state.new, full),)
    if not _replaced(plan, state):
        return (Ensure(state.old, full), Ensure(state.new, 0), Apply(Split(((state.old, WHOLE),))))
    moves = _undone(state)
    opened = state.status is Status.ROLLED_BACK or moves >= 4
    new = 0 if moves >= 1 and (_shut(seen) or opened) else full
    actions: list[Action] = [Ensure(state.new, new), Ensure(state.old, full if moves >= 3 else 0)]
    if moves == 2:
        actions.append(Check(RESTORE, state.attempt, state.old))
    serving = state.old if moves >= 3 else state.new
    actions.append(Apply(Split(((serving, WHOLE),), closed=not opened)))
    return tuple(actions)


def _note(turn: Turn) -> None:
    closing = turn.state.status in FORWARD and turn.step.id in (CLOSE, REPLACE)
    if closing or turn.state.status is Status.ROLLING_BACK:
        note_out(turn, _shut(turn.seen))


def _hold(_: Turn) -> Hold | None:
    return None


def _done(turn: Turn) -> bool:
    seen, state, step = turn.seen, turn.state, turn.step
    match step.kind:
        case StepKind.MAINTENANCE if step.id == CLOSE:
            return _shut(seen) or state.old is None
        case StepKind.MAINTENANCE:
            return seen.split == Split(((state.new, WHOLE),))
        case StepKind.REPLACE:
            old_gone = state.old is None or not present(seen, state.old)
            return old_gone and healthy(seen, state.new) >= step.instances
        case kind:
            raise ValueError(f"big-bang has no step of kind {kind}")


def _missing(turn: Turn) -> str:
    if turn.step.kind is StepKind.REPLACE:
        return f"{healthy(turn.seen, turn.state.new)} of {turn.step.instances} are healthy"
    return f"the router shows {'the maintenance page' if _shut(turn.seen) else 'the service'}"


_MOVES = (
    "the service is closed, read back from the router",
    "the new version is gone",
    "the backup is restored",
    "every instance of the old version is healthy",
    "the service is open again",
)


def _go_back(turn: Turn) -> None:
    state, seen = turn.state, turn.seen
    if state.old is None:
        fail_without_a_way_back(turn)
        return
    if not _replaced(turn.plan, state):
        _open_again(turn)
        return
    restored = check_status(seen, RESTORE, state.attempt)
    undone = _undone(state)
    if undone == 2 and restored is CheckStatus.FAILED:
        result = seen.check(RESTORE, state.attempt)
        give_up(turn, f"the restore failed: {result.detail if result else ''}; the service stays closed")
        return
    reached = (
        _shut(seen) and state.drained >= turn.plan.number("big_bang.drain_duration"),
        not present(seen, state.new),
        restored is CheckStatus.PASSED,
        healthy(seen, state.old) >= turn.plan.instances,
        seen.split == Split(((state.old, WHOLE),)),
    )
    if reached[undone]:
        turn.tell(MoveDone(move=undone + 1, what=_MOVES[undone]))
        # After the last part the desired state stays that of the last part: the service is open.
        turn.set(progress=BigBangProgress(undone=min(undone + 1, len(_MOVES) - 1)))
    if reached[undone] and undone + 1 == len(_MOVES):
        rolled_back(turn, f"{state.old} is restored and serves all requests")
    elif overdue_back(turn):
        give_up(turn, f"not so: {_MOVES[_undone(turn.state)]}")


def _open_again(turn: Turn) -> None:
    """Nothing was replaced yet: only the page goes."""
    state, seen = turn.state, turn.seen
    if seen.split == Split(((state.old or "", WHOLE),)) and not present(seen, state.new):
        rolled_back(turn, f"nothing was replaced, {state.old} serves all requests")
    elif overdue_back(turn):
        give_up(turn, "the service is not open")


BIG_BANG = Strategy(
    progress=BigBangProgress(),
    turn_back=_none_undone,
    desired=_desired,
    done=_done,
    missing=_missing,
    hold=_hold,
    go_back=_go_back,
    unwell="big_bang.check_deadline",
    stable_unwell="big_bang.check_deadline",
    note=_note,
)
