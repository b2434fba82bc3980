"""Two versions next to each other, and requests shifted between them by weight: what canary and blue-green have in
common.

In the order of a rollout: instances of both, the weight, the drain, the end of stable; then the rollback. The desired
state is derived again at every look, so actions lost in a crash are repeated.
"""

from __future__ import annotations

from pilotage.model.events import TrafficRestored
from pilotage.model.observation import Health
from pilotage.model.plan import Plan, StepKind
from pilotage.model.quantity import format_share
from pilotage.model.rollout import Hold, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.traffic import WHOLE, Split, capacity, instances_for
from pilotage.model.warm import is_warm
from pilotage.model.wording import some_of
from pilotage.rollout.sight import healthy, present, reachable, too_few, unwell, why_unwell
from pilotage.rollout.turn import FORWARD, Tick
from pilotage.rollout.waves import kept

_STILL_THERE = "the old version is still running"
_GOING_BACK = (Status.WITHDRAWN, Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED)


# ── instances ──────────────────────────────────────────────────────────────────────────────────────────────


def new_instances(plan: Plan, state: RolloutState, seen: Observed, drain: float) -> int:
    """How many of the new version should run; none once its requests are back with stable for `drain` seconds."""
    running = new_instances_deployed(plan, state)
    match state.status:
        case Status.ROLLED_BACK:
            leaves = True
        case Status.ROLLING_BACK | Status.FAILED if state.old is not None:
            leaves = state.returned and state.drained >= drain
        case _:
            leaves = False
    return 0 if leaves and not reachable(seen, state.new) else running


def new_instances_deployed(plan: Plan, state: RolloutState) -> int:
    """How many instances of the new version the steps so far require."""
    if state.mode not in (Mode.FULL, Mode.EMERGENCY):
        return plan.instances
    return max((s.instances for s in plan.steps[: state.step + 1] if s.kind is not StepKind.GATE), default=0)


def stable_instances(plan: Plan, state: RolloutState, seen: Observed, drain: float) -> int:
    """How many of stable should run: all of them, until it retires after `drain` seconds without requests, or until
    its time as a warm way back is over."""
    assert state.old is not None
    retires = plan.steps[state.step].kind is StepKind.RETIRE and not state.diverted
    retiring = state.status in FORWARD and state.drained >= drain and retires
    completed = state.status is Status.COMPLETED and not is_warm(plan, state, seen.at or state.at)
    leaves = retiring or completed
    return 0 if leaves and not reachable(seen, state.old) else plan.instances


def awaits_instances(turn: Tick) -> str:
    """How many of the step's instances are healthy, and what the first unhealthy one says; empty when all are."""
    well = healthy(turn.seen, turn.state.new)
    return "" if well >= turn.step.instances else instances_so_far(turn)


def instances_so_far(turn: Tick) -> str:
    """The same, also when all of them are healthy."""
    if turn.seen.instances is None:
        return too_few(turn.seen, turn.state.new, turn.step.instances) or "every instance is healthy"
    sick = [i for i in turn.seen.instances or () if i.version == turn.state.new and i.health is not Health.HEALTHY]
    detail = f", {sick[0].id} is {sick[0].health}: {sick[0].detail}" if sick else ""
    return f"{some_of(healthy(turn.seen, turn.state.new), turn.step.instances, 'instance')} healthy{detail}"


def too_few_healthy(turn: Tick) -> Hold | None:
    """A hold for too few healthy instances on either side."""
    step, state = turn.step, turn.state
    if state.old and step.kind is not StepKind.RETIRE and step.weight < WHOLE:
        said = too_few(turn.seen, state.old, turn.plan.instances, named=True)
        if said and step.kind is not StepKind.SCALE:
            return Hold(HoldCause.STABLE_UNHEALTHY, said + why_unwell(turn.seen, state.old))
    said = too_few(turn.seen, state.new, step.instances, named=True)
    if said and step.kind not in (StepKind.SCALE, StepKind.GATE):
        return Hold(HoldCause.CANARY_UNHEALTHY, said + why_unwell(turn.seen, state.new))
    return None


# ── the weight ─────────────────────────────────────────────────────────────────────────────────────────────


def weight_wanted(plan: Plan, state: RolloutState, seen: Observed) -> int | None:
    """Per mille of requests that the new version should get now; None while nothing may be changed.

    It is the step's weight, or on the way back what users keep, as far as the instances on either side can carry it.
    """
    going_back = state.status in _GOING_BACK
    if seen.instances is None:
        # Without a view of the fleet, only a rollback is safe.
        back = state.old is not None and state.status in (Status.WITHDRAWN, Status.ROLLING_BACK)
        return kept(state) if back else None
    healthy_new, healthy_old = healthy(seen, state.new), healthy(seen, state.old) if state.old else 0
    now = seen.split.weight(state.new) if seen.split else None
    if state.old is None:
        ready = healthy_new >= plan.instances or now or state.status is Status.COMPLETED
        return WHOLE if ready else None
    weight = kept(state) if going_back else 0 if state.diverted else _weight_of_the_step(plan, state)
    if now is None:
        # A router that cannot be read may be down: tell it what is surely right, so that users are served.
        enough = healthy_new >= instances_for(weight, plan.instances) or healthy_old == 0
        return weight if enough else 0
    if weight > now and healthy_new < instances_for(weight, plan.instances):
        weight = now
    if weight < now and healthy_new > 0:
        # Stable gets back no more than it can carry; the rest follows when it can (weight ≤ capacity). Where no health
        # path of stable passes, a version that was found worse than stable does not keep its users for that.
        able = healthy_old or (unwell(seen, state.old) if going_back and state.convicted else 0)
        weight = max(weight, min(now, WHOLE - capacity(able, plan.instances)))
    return weight


def _weight_of_the_step(plan: Plan, state: RolloutState) -> int:
    return WHOLE if state.status is Status.COMPLETED else plan.steps[state.step].weight


def answers(state: RolloutState, seen: Observed) -> bool:
    """Whether the new version has someone to answer testers and mirrored requests."""
    return seen.split is not None and healthy(seen, state.new) > 0


def awaits_split(turn: Tick, wanted: Split) -> str:
    """What the router shows; empty when it is the wanted split, read back."""
    if turn.seen.split is not None and turn.seen.split == wanted:
        return ""
    if turn.seen.split is None:
        return "the router does not report its weights"
    return f"the router sends {format_share(turn.seen.split.weight(turn.state.new) / WHOLE)} to {turn.state.new}"


# ── the old version's end ──────────────────────────────────────────────────────────────────────────────────


def note_drain(turn: Tick) -> None:
    """Stable drains from the look that saw that no request reaches it."""
    if turn.state.status in FORWARD:
        turn.note_out(turn.state.old is None or not reachable(turn.seen, turn.state.old))


def awaits_drain(turn: Tick) -> str:
    """Stable's last requests have their time; empty when it is over."""
    state = turn.state
    drained = state.old is None or (not reachable(turn.seen, state.old) and state.drained >= turn.step.duration)
    return "" if drained else _STILL_THERE


def awaits_retirement(turn: Tick) -> str:
    """Stable's instances stop; empty when none is left, and no request could reach one."""
    old = turn.state.old
    gone = old is None or not (present(turn.seen, old) or reachable(turn.seen, old))
    return "" if gone else _STILL_THERE


# ── the way back ───────────────────────────────────────────────────────────────────────────────────────────


def has_stable(state: RolloutState) -> bool:
    """Whether requests can go back to another version immediately: it is one weight change away as long as it runs."""
    return state.old is not None


def no_user_has_it(turn: Tick) -> bool:
    """Whether the router shows a weight of 0."""
    split = turn.seen.split
    return split is not None and split.weight(turn.state.new) == 0


def note_requests_back(turn: Tick) -> None:
    """Requests first (rule 7): tell when they are all back, read back; from then on the new version drains."""
    state, seen = turn.state, turn.seen
    back = seen.split is not None and not seen.split.reaches(state.new)
    if back and not state.returned:
        turn.set(returned=True, out=True, drained=0.0)
        turn.tell(TrafficRestored(outcome=f"the router confirms that all requests go to {state.old} again"))
    elif state.returned and not back and seen.split is not None:
        turn.set(returned=False, out=False, drained=0.0)
