"""How many of a canary's instances are ready, of those that its share of users needs (R20's canary health score)."""

from __future__ import annotations

from pilotage.model.observation import Excuse, Health, Verdict, VerdictKind
from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import format_share
from pilotage.model.traffic import WHOLE, instances_for
from pilotage.rollout.sight import healthy
from pilotage.rollout.turn import Tick

METRIC = "canary_health_score"
"""R20's metric: the share of canary instances that are ready."""


def is_canary(step: Step) -> bool:
    """Whether some users have the new version at this step, and others have stable."""
    return 0 < step.weight < WHOLE


def due(plan: Plan, step: Step) -> int:
    """Instances that the users at this step need. Those of the next weight, which are just being started, are not
    among them."""
    return instances_for(step.weight, plan.instances)


def ready_share(plan: Plan, step: Step, healthy: int) -> float:
    """0…1."""
    wanted = due(plan, step)
    return min(1.0, healthy / wanted) if wanted else 1.0


def too_few_ready(turn: Tick) -> tuple[Verdict, ...]:
    """Harm, as long as some of the canaries that have users are ready and too many are not. Where none is ready, stable
    takes over their users anyway (`diversion`)."""
    state, seen, step = turn.state, turn.seen, turn.step
    if seen.instances is None or state.old is None or not state.reached or not is_canary(step):
        return ()
    well, wanted = healthy(seen, state.new), due(turn.plan, step)
    limit = _limit(turn.plan)
    if not 0 < well < wanted or well / wanted >= limit:
        return ()
    sick = next((i for i in seen.instances if i.version == state.new and i.health is not Health.HEALTHY), None)
    sentence = f"{well} of {wanted} canary instances are ready, below {format_share(limit)}"
    if sick:
        sentence += f"; {sick.id} is {sick.health}{f': {sick.detail}' if sick.detail else ''}"
    # It may be bad luck: the instance is replaced once. One that is missing is on its way.
    ill, shown = f"{sick.host}:{sick.port}" if sick else "", format_share(well / wanted)
    return (Verdict(METRIC, VerdictKind.FAIL, sentence, canary=shown, excuse=Excuse.INSTANCE, instance=ill),)


def _limit(plan: Plan) -> float:
    """0 for plans made before there was such a limit."""
    try:
        return plan.setting("alerts.canary_health_score").number
    except KeyError:
        return 0.0
