"""The desired state of the world for a rollout's state: what should run, and how requests should be split.

Complete, idempotent and derived anew at every look, so that whatever a crash left undone is asked for again.
"""

from __future__ import annotations

from pilotage.model.plan import Plan, StepKind
from pilotage.model.rollout import Action, Apply, Ensure, Pace, RolloutState, Seen, Status
from pilotage.model.traffic import TESTER, WHOLE, HeaderRoute, Split, capacity, instances_for, split_between
from pilotage.rollout.sight import healthy, reachable


def desired(plan: Plan, state: RolloutState, seen: Seen) -> tuple[Action, ...]:
    """Everything that should be so now: what to run and how to split. Idempotent, complete, in order:
    start before shifting, and nothing stops that a request may reach (rule 2)."""
    split = _wanted_split(plan, state, seen)
    actions: list[Action] = []
    if state.old is not None:
        actions.append(Ensure(state.old, _wanted_old(plan, state, seen)))
    actions.append(Ensure(state.new, _wanted_new(plan, state, seen)))
    actions.extend(Ensure(version, 0) for version in _strays(state, seen))
    if split is not None:
        actions.append(Apply(split))
    return tuple(actions)


def _strays(state: RolloutState, seen: Seen) -> list[str]:
    """Versions that neither this rollout nor the one before it knows, such as what a failed rollback left behind.
    They stop when this rollout is over: no request has reached them for all of it."""
    if not state.status.final or seen.split is None:
        return []
    running = {i.version for i in seen.instances or ()} - {state.new, state.old}
    return sorted(version for version in running if not seen.split.reaches(version))


def _wanted_old(plan: Plan, state: RolloutState, seen: Seen) -> int:
    assert state.old is not None
    forward = state.status in (Status.PROGRESSING, Status.HOLDING, Status.PAUSED)
    drained = state.drained >= plan.number("canary.drain_duration")
    retiring = forward and drained and plan.steps[state.step].kind is StepKind.RETIRE
    leaves = retiring or state.status is Status.COMPLETED
    return 0 if leaves and not reachable(seen, state.old) else plan.instances


def _wanted_new(plan: Plan, state: RolloutState, seen: Seen) -> int:
    running = max((s.instances for s in plan.steps[: state.step + 1] if s.kind is not StepKind.GATE), default=0)
    if state.pace is not Pace.FULL:
        running = plan.instances
    match state.status:
        case Status.ROLLED_BACK:
            return 0 if not reachable(seen, state.new) else running
        case Status.ROLLING_BACK | Status.FAILED if state.old is not None:
            drained = state.returned and state.drained >= plan.number("canary.drain_duration")
            return 0 if drained and not reachable(seen, state.new) else running
        case _:
            return running


def _wanted_split(plan: Plan, state: RolloutState, seen: Seen) -> Split | None:
    """The split to ask for; None while nothing may be changed."""
    if seen.instances is None:
        return _split_without_sight(plan, state)
    healthy_new, healthy_old = healthy(seen, state.new), healthy(seen, state.old) if state.old else 0
    now = seen.split.weight(state.new) if seen.split else None
    if state.old is None:
        ready = healthy_new >= plan.instances or now or state.status is Status.COMPLETED
        return split_for(plan, state, WHOLE) if ready else None
    going_back = state.status in (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED)
    weight = 0 if going_back else _weight_reached(plan, state)
    if now is None:
        # A router that cannot be read may be down: tell it what is surely right, so that users are served.
        enough = healthy_new >= instances_for(weight, plan.instances) or healthy_old == 0
        return split_for(plan, state, weight if enough else 0)
    if weight > now and healthy_new < instances_for(weight, plan.instances):
        weight = now
    if weight < now and healthy_new > 0:
        # Stable gets back no more than it can carry; the rest follows when it can (weight ≤ capacity).
        weight = max(weight, min(now, WHOLE - capacity(healthy_old, plan.instances)))
    return split_for(plan, state, weight)


def _split_without_sight(plan: Plan, state: RolloutState) -> Split | None:
    """Without a view of the fleet, only the way back is safe to ask for."""
    if state.old is not None and state.status is Status.ROLLING_BACK:
        return split_for(plan, state, 0)
    return None


def _weight_reached(plan: Plan, state: RolloutState) -> int:
    return WHOLE if state.status is Status.COMPLETED else plan.steps[state.step].weight


def split_for(plan: Plan, state: RolloutState, weight: int) -> Split:
    """Testers who send the header reach the new version from its first weight on."""
    header = str(plan.setting("canary.tester_header").value)
    if header and 0 < weight < WHOLE:
        return split_between(state.new, weight, state.old, (HeaderRoute(header, TESTER, state.new),))
    return split_between(state.new, weight, state.old)
