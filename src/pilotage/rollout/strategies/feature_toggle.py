"""Feature toggle (R16): the code goes out dark, a part of the fleet at a time; then the flag's reach grows.

The way back is the flag. Its code stays, dark; only a failed dark deployment takes the code back too.
"""

from __future__ import annotations

from pilotage.model.events import TrafficReturned
from pilotage.model.flag import OFF, Ramp
from pilotage.model.plan import Plan, StepKind
from pilotage.model.progress import ToggleProgress
from pilotage.model.rollout import Action, Hold, HoldCause, Pace, RolloutState, Seen, SetFlag, Status
from pilotage.rollout import walking
from pilotage.rollout.diversion import divert
from pilotage.rollout.sight import healthy
from pilotage.rollout.turn import FORWARD, UNDER_WAY, Strategy, Turn, give_up, note_out, overdue_back, rolled_back
from pilotage.rollout.walking import Walk


def _own(state: RolloutState) -> ToggleProgress:
    assert isinstance(state.progress, ToggleProgress)
    return state.progress


def _counts(plan: Plan) -> tuple[int, ...]:
    """New instances after each part of the dark deployment."""
    full, size = plan.instances, _part(plan)
    return tuple(min(full, part * size) for part in range(-(-full // size) + 1))


def _part(plan: Plan) -> int:
    """So many instances are replaced at a time."""
    return max(1, plan.instances // 4)


def _dark(state: RolloutState) -> bool:
    """Whether the dark deployment is under way, or was when the way back began."""
    return state.step == 0


def _walk(plan: Plan, state: RolloutState) -> Walk:
    counts, full = _counts(plan), plan.instances
    if not _dark(state) or state.status is Status.COMPLETED:
        before = after = full
    elif state.status in UNDER_WAY:
        part = min(_own(state).parts, len(counts) - 1)
        before, after = counts[part], counts[min(part + 1, len(counts) - 1)]
    else:
        now = max(0, len(counts) - 1 - _own(state).undone)
        before, after = counts[now], counts[max(0, now - 1)]
    return Walk(
        (before, full - before),
        (after, full - after),
        full == 1,
        plan.number("toggle.drain_duration"),
        full - _part(plan),
    )


def ramp_for(plan: Plan, state: RolloutState) -> Ramp:
    """Whom the flag reaches at this step. On the way to an older version nobody has it."""
    if state.status not in (*FORWARD, Status.COMPLETED) or state.pace is Pace.FAST:
        return OFF
    begun = [step for step in plan.steps[: state.step + 1] if step.kind is StepKind.FLAG_RAMP]
    groups = tuple(step.audience.split()[0] for step in begun if step.audience)
    return Ramp(groups, max((step.weight for step in begun), default=0))


def _desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    if state.status is Status.WITHDRAWN and _dark(state):
        return (SetFlag(OFF), *walking.withheld(_walk(plan, state), state, seen))
    code = walking.desired(_walk(plan, state), state, seen)
    if state.status in (Status.COMPLETED, Status.ROLLED_BACK):
        # It was read back; from here on it belongs to people, who may turn it off at any time.
        return code
    return (SetFlag(ramp_for(plan, state)), *code)


def _note(turn: Turn) -> None:
    walk = _walk(turn.plan, turn.state)
    note_out(turn, walking.drained(walk, turn.state, turn.seen))
    forward = turn.state.status in FORWARD and _dark(turn.state)
    if forward and walking.arrived(walk, turn.state, turn.seen):
        parts = min(_own(turn.state).parts + 1, len(_counts(turn.plan)) - 1)
        turn.set(progress=ToggleProgress(parts=parts), out=False, drained=0.0)


def _withdraws(_plan: Plan, state: RolloutState) -> bool:
    """The flag goes off whatever was there before; the code only gives way to instances of an old version."""
    return not _dark(state) or state.old is not None


def _returned(turn: Turn) -> bool:
    if _dark(turn.state):
        return turn.seen.split is not None and turn.seen.split.weight(turn.state.new) == 0
    return turn.seen.flag == OFF


def _hold(turn: Turn) -> Hold | None:
    if turn.seen.flag is None:
        return Hold(HoldCause.FLAGS_UNREACHABLE, turn.seen.trouble or "the flag cannot be read")
    walk, state = _walk(turn.plan, turn.state), turn.state
    if healthy(turn.seen, state.new) < walk.before[0]:
        well = healthy(turn.seen, state.new)
        return Hold(HoldCause.CANARY_UNHEALTHY, f"{well} of {walk.before[0]} instances of {state.new} are healthy")
    return None


def _done(turn: Turn) -> bool:
    match turn.step.kind:
        case StepKind.SCALE:
            last = len(_counts(turn.plan)) - 1
            return _own(turn.state).parts >= last and turn.seen.flag == OFF
        case StepKind.FLAG_RAMP:
            return turn.seen.flag == ramp_for(turn.plan, turn.state)
        case kind:
            raise ValueError(f"a feature toggle has no step of kind {kind}")


def _missing(turn: Turn) -> str:
    if turn.step.kind is StepKind.FLAG_RAMP:
        flag = turn.seen.flag
        return f"the flag reaches {flag.groups or 'no group'} and {flag.share / 10:g} % of users" if flag else "no flag"
    return walking.where(turn.state, turn.seen)


def _go_back(turn: Turn) -> None:
    state, off = turn.state, turn.seen.flag == OFF
    if off and not state.returned:
        turn.set(returned=True)
        turn.tell(TrafficReturned(how="the flag is off for everyone, read back"))
    if _dark(state) and state.old is not None:
        _take_back_the_code(turn)
    elif off:
        rolled_back(
            turn,
            f"the flag is off for everyone, the code of {state.new} stays, dark",
            progress=ToggleProgress(dark=True),
        )
    elif overdue_back(turn):
        give_up(turn, "the flag may still be on for users")


def _turn_back(plan: Plan, state: RolloutState) -> ToggleProgress:
    """Parts that never began need no way back."""
    last = len(_counts(plan)) - 1
    return ToggleProgress(undone=last - min(_own(state).parts + 1, last))


def _take_back_the_code(turn: Turn) -> None:
    state, walk = turn.state, _walk(turn.plan, turn.state)
    if walking.arrived(walk, state, turn.seen):
        if walk.after[0] == 0 and turn.seen.flag == OFF:
            rolled_back(turn, f"every instance is {state.old} again and healthy")
        else:
            turn.set(progress=ToggleProgress(undone=_own(state).undone + 1), out=False, drained=0.0)
    elif state.in_status >= turn.plan.number("toggle.start_deadline"):
        give_up(turn, walking.where(state, turn.seen))


FEATURE_TOGGLE = Strategy(
    progress=ToggleProgress(),
    desired=_desired,
    done=_done,
    missing=_missing,
    hold=_hold,
    go_back=_go_back,
    unwell="toggle.start_deadline",
    stable_unwell="toggle.start_deadline",
    note=_note,
    divert=divert,
    withdraws=_withdraws,
    returned=_returned,
    turn_back=_turn_back,
)
