"""What canary and blue-green share: two versions side by side, and requests shifted between them by weight.

The desired state is derived anew at every look, so that whatever a crash left undone is asked for again.
"""

from __future__ import annotations

from pilotage.model.events import TrafficReturned
from pilotage.model.plan import Plan, StepKind
from pilotage.model.rollout import Action, Apply, Ensure, Hold, HoldCause, Pace, RolloutState, Seen, Status
from pilotage.model.traffic import WHOLE, Mirror, Split, capacity, instances_for, split_between
from pilotage.rollout import baseline
from pilotage.rollout.sight import healthy, present, reachable, unwell
from pilotage.rollout.testers import tester_routes
from pilotage.rollout.turn import FORWARD, Turn, fail_without_a_way_back, give_up, note_out, overdue_back, rolled_back


def desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    split = _wanted_split(plan, state, seen)
    actions: list[Action] = []
    if state.old is not None:
        actions.append(Ensure(state.old, _wanted_old(plan, state, seen)))
    actions.append(Ensure(state.new, _wanted_new(plan, state, seen)))
    actions.extend(baseline.desired(plan, state, seen))
    if split is not None:
        actions.append(Apply(split))
    return tuple(actions)


def drain_duration(plan: Plan) -> float:
    family = "blue_green" if plan.answers.deployment_strategy == "blue-green" else "canary"
    return plan.number(f"{family}.drain_duration")


def _wanted_old(plan: Plan, state: RolloutState, seen: Seen) -> int:
    assert state.old is not None
    drained = state.drained >= drain_duration(plan)
    retires = plan.steps[state.step].kind is StepKind.RETIRE and not state.diverted
    retiring = state.status in FORWARD and drained and retires
    leaves = retiring or state.status is Status.COMPLETED
    return 0 if leaves and not reachable(seen, state.old) else plan.instances


def _wanted_new(plan: Plan, state: RolloutState, seen: Seen) -> int:
    running = max((s.instances for s in plan.steps[: state.step + 1] if s.kind is not StepKind.GATE), default=0)
    if state.pace not in (Pace.FULL, Pace.URGENT):
        running = plan.instances
    if state.preserved:
        return running
    match state.status:
        case Status.ROLLED_BACK:
            return 0 if not reachable(seen, state.new) else running
        case Status.ROLLING_BACK | Status.FAILED if state.old is not None:
            drained = state.returned and state.drained >= drain_duration(plan)
            return 0 if drained and not reachable(seen, state.new) else running
        case _:
            return running


def _wanted_split(plan: Plan, state: RolloutState, seen: Seen) -> Split | None:
    """The split to ask for; None while nothing may be changed."""
    if seen.instances is None:
        return _split_without_sight(plan, state, seen)
    healthy_new, healthy_old = healthy(seen, state.new), healthy(seen, state.old) if state.old else 0
    now = seen.split.weight(state.new) if seen.split else None
    if state.old is None:
        ready = healthy_new >= plan.instances or now or state.status is Status.COMPLETED
        return split_for(plan, state, WHOLE, seen) if ready else None
    going_back = state.status in (Status.WITHDRAWN, Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED)
    weight = 0 if going_back or state.diverted else _weight_reached(plan, state)
    if now is None:
        # A router that cannot be read may be down: tell it what is surely right, so that users are served.
        enough = healthy_new >= instances_for(weight, plan.instances) or healthy_old == 0
        return split_for(plan, state, weight if enough else 0, seen)
    if weight > now and healthy_new < instances_for(weight, plan.instances):
        weight = now
    if weight < now and healthy_new > 0:
        # Stable gets back no more than it can carry; the rest follows when it can (weight ≤ capacity). Where no health
        # path of stable passes, a version that was found worse than stable does not keep its users for that.
        able = healthy_old or (unwell(seen, state.old) if going_back and state.convicted else 0)
        weight = max(weight, min(now, WHOLE - capacity(able, plan.instances)))
    return split_for(plan, state, weight, seen, shown=healthy_new > 0)


def _split_without_sight(plan: Plan, state: RolloutState, seen: Seen) -> Split | None:
    """Without a view of the fleet, only the way back is safe to ask for."""
    if state.old is not None and state.status in (Status.WITHDRAWN, Status.ROLLING_BACK):
        return split_for(plan, state, 0, seen)
    return None


def _weight_reached(plan: Plan, state: RolloutState) -> int:
    return WHOLE if state.status is Status.COMPLETED else plan.steps[state.step].weight


def split_for(plan: Plan, state: RolloutState, weight: int, seen: Seen, *, shown: bool = False) -> Split:
    """The split at a weight, with the baseline, the testers' way and, before the first weight, the mirror.

    shown: the new version has somebody to answer testers and mirrored requests.
    """
    forward, withdrawn = state.status in FORWARD, state.status is Status.WITHDRAWN and shown
    preview = withdrawn or (forward and shown)
    routes = tester_routes(plan, state.new, weight, preview=preview, withdrawn=withdrawn)
    split = baseline.beside(plan, state, seen, split_between(state.new, weight, state.old, routes))
    mirrored = plan.steps[state.step].mirror
    if forward and shown and mirrored and weight == 0:
        return Split(split.weights, split.header_routes, Mirror(state.new, mirrored))
    return split


# ── progress ───────────────────────────────────────────────────────────────────────────────────────────────


def note(turn: Turn) -> None:
    if turn.state.status in FORWARD:
        note_out(turn, turn.state.old is None or not reachable(turn.seen, turn.state.old))


def withdraws(_plan: Plan, state: RolloutState) -> bool:
    """One weight away from stable, as long as there is one."""
    return state.old is not None


def returned(turn: Turn) -> bool:
    split = turn.seen.split
    return split is not None and split.weight(turn.state.new) == 0


def hold(turn: Turn) -> Hold | None:
    """Too few healthy instances on either side."""
    step, state = turn.step, turn.state
    if state.old and step.kind is not StepKind.RETIRE and step.weight < WHOLE:
        well = healthy(turn.seen, state.old)
        if well < turn.plan.instances and step.kind is not StepKind.SCALE:
            return Hold(HoldCause.STABLE_UNHEALTHY, f"{well} of {turn.plan.instances} stable instances are healthy")
    if step.kind not in (StepKind.SCALE, StepKind.GATE):
        well = healthy(turn.seen, state.new)
        if well < step.instances:
            return Hold(HoldCause.CANARY_UNHEALTHY, f"{well} of {step.instances} canary instances are healthy")
    return None


def done(turn: Turn) -> bool:
    state, step, seen = turn.state, turn.step, turn.seen
    match step.kind:
        case StepKind.SCALE:
            return healthy(seen, state.new) >= step.instances and baseline.ready(turn)
        case StepKind.SET_WEIGHT | StepKind.SWITCH:
            return seen.split is not None and seen.split == split_for(turn.plan, state, step.weight, seen)
        case StepKind.KEEP:
            return state.pace is not Pace.FULL or state.watched >= step.duration
        case StepKind.DRAIN:
            return state.old is None or (not reachable(seen, state.old) and state.drained >= step.duration)
        case StepKind.RETIRE:
            return state.old is None or not (present(seen, state.old) or reachable(seen, state.old))
        case kind:
            raise ValueError(f"{turn.plan.answers.deployment_strategy} has no step of kind {kind}")


def go_back(turn: Turn) -> None:
    """Traffic first, read back; then the old requests finish; then the new version stops, or is kept for study
    (rules 1, 2 and 7)."""
    state, seen = turn.state, turn.seen
    if state.old is None:
        fail_without_a_way_back(turn)
        return
    back = seen.split is not None and not seen.split.reaches(state.new)
    if back and not state.returned:
        turn.set(returned=True, out=True, drained=0.0)
        turn.tell(TrafficReturned(how=f"all requests go to {state.old} again, read back from the router"))
    elif state.returned and not back and seen.split is not None:
        turn.set(returned=False, out=False, drained=0.0)
    if turn.state.returned and turn.state.preserved and healthy(seen, state.old) >= turn.plan.instances:
        kept = f"{state.new} is kept for study until `pilotage clean`"
        rolled_back(turn, f"{state.old} is healthy and serves all requests, {kept}")
    elif turn.state.returned and not turn.state.preserved and not present(seen, state.new):
        rolled_back(turn, f"{state.new} is gone, {state.old} serves all requests")
    elif overdue_back(turn):
        running = "not every instance of the old version is healthy" if state.preserved else f"{state.new} still runs"
        give_up(turn, running if turn.state.returned else f"requests may still reach {state.new}")
