"""How many of a canary's instances are ready, of those that its share of users needs (R20's canary health score)."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.observation import Excuse, Health, Instance, Verdict, VerdictKind
from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import format_share
from pilotage.model.rollout import Mode
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
    among them. Nobody knows what tenants need, so they get all."""
    return plan.instances if plan.waves and step.weight else instances_for(step.weight, plan.instances)


def ready_share(plan: Plan, step: Step, healthy: int) -> float:
    """0…1."""
    wanted = due(plan, step)
    return min(1.0, healthy / wanted) if wanted else 1.0


def too_few_ready(turn: Tick) -> tuple[Verdict, ...]:
    """Harm, as long as some of the canaries that have users are ready and too many are not. Where none is ready, stable
    takes over their users anyway (`diversion`)."""
    state, seen, step = turn.state, turn.seen, turn.step
    if state.mode is Mode.FAST_RETURN:
        # Its steps have the weights of the plan, but nobody is a canary: all users come back at once.
        return ()
    if seen.instances is None or state.old is None or not state.reached or not is_canary(step):
        return ()
    well, wanted = healthy(seen, state.new), due(turn.plan, step)
    limit = _limit(turn.plan)
    if not 0 < well < wanted or well / wanted >= limit:
        return ()
    sentence = f"{well} of {wanted} canary instances are ready, below {format_share(limit)}"
    shown, excuse, ill = format_share(well / wanted), Excuse.WARM_UP, ""
    if sick := _least_well(seen.instances, state.new):
        sentence += f"; {sick.id} is {sick.health}{f': {sick.detail}' if sick.detail else ''}"
    if sick and sick.health is Health.UNHEALTHY:
        # It may be bad luck: the instance is replaced once. One that starts, or is missing, is on its way.
        excuse, ill = Excuse.INSTANCE, f"{sick.host}:{sick.port}"
    return (Verdict(METRIC, VerdictKind.FAIL, sentence, canary=shown, excuse=excuse, instance=ill),)


def _least_well(instances: Sequence[Instance], version: str) -> Instance | None:
    """One that is not ready; of several one that is unhealthy."""
    sick = [i for i in instances if i.version == version and i.health is not Health.HEALTHY]
    return max(sick, key=lambda i: i.health is Health.UNHEALTHY, default=None)


def _limit(plan: Plan) -> float:
    """0 for plans made before there was such a limit."""
    try:
        return plan.setting("alerts.canary_health_score").number
    except KeyError:
        return 0.0
