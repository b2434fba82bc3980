"""What a person can ask for in one sentence: deploy this version, go back to the last good one, take it all down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pilotage.config.loading import Loaded
from pilotage.engine.plans import Wish, plan_for
from pilotage.engine.store import Rollout, Store, StoreConflict
from pilotage.engine.targets import describe
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import Plan
from pilotage.model.rollout import CommandKind, Pace
from pilotage.rollout.canary import begin


class PlanStopped(ValueError):
    """The plan may not be executed: an unaccepted conflict (R8), or a strategy that only plans so far."""


class NoWayBack(ValueError):
    """There is no version to go back to; says what there is instead."""


@dataclass(frozen=True)
class Started:
    """What came of asking: a rollout that runs (or ran), and the sentence about it. `fresh`: it began just now."""

    rollout: Rollout | None
    sentence: str
    fresh: bool


def deploy(store: Store, loaded: Loaded, plan: Plan, actor: str) -> Started:
    """Begin the rollout of `plan` (rule 8): the version that serves already is a no-op; the stable one, asked for
    while another rolls out, is a return to it; anything else then is refused (StoreConflict).

    Raises PlanStopped for a plan that may not be executed.
    """
    _may_execute(plan)
    latest = store.latest(plan.service, plan.environment)
    serving = store.serving(plan.service, plan.environment)
    if latest is not None and not latest.state.status.final:
        if plan.version == latest.version:
            return Started(latest, f"{plan.version} is already rolling out", fresh=False)
        if plan.version == latest.old:
            store.command(latest.id, CommandKind.ROLLBACK, actor, f"{plan.version} was deployed again")
            return Started(latest, f"{latest.version} is undone: {plan.version} was deployed again", fresh=False)
        raise StoreConflict(
            f"{latest.version} is rolling out in {plan.environment}: wait for it, or `pilotage abort` it first"
        )
    if serving and serving[0] == plan.version:
        return Started(None, f"{plan.version} serves all requests of {plan.environment} already", fresh=False)
    pace = Pace.FULL if serving else Pace.FIRST
    return _start(store, loaded, plan, serving[0] if serving else None, pace, actor)


def _may_execute(plan: Plan) -> None:
    if plan.stopped_by:
        raise PlanStopped(
            f"{plan.version} is not deployed: {'; '.join(f'{c.name}: {c.explanation}' for c in plan.stopped_by)}. "
            f"Change what collides ({'; '.join(c.relaxation for c in plan.stopped_by)}), or go on with "
            f'{" ".join(f"--accept {c.name}" for c in plan.stopped_by)} --reason "…"'
        )
    if plan.answers.deployment_strategy is not DeploymentStrategy.CANARY:
        raise PlanStopped(
            f"{plan.version} is not deployed: {plan.answers.deployment_strategy} can be planned, and only canary can "
            "be executed so far: deployment_strategy: canary"
        )


def go_back(store: Store, loaded: Loaded, environment: str, to: str | None, actor: str, reason: str) -> Started:
    """Undo: the rollout under way, or else return to `to` (the last good version before the present one) without
    the analyses that it passed when it was new. Raises NoWayBack when there is nothing to return to."""
    service = loaded.configuration.service
    latest = store.latest(service, environment)
    if latest is not None and not latest.state.status.final:
        if to not in (None, latest.old):
            raise StoreConflict(f"{latest.version} is rolling out; only {latest.old} can be returned to while it does")
        store.command(latest.id, CommandKind.ROLLBACK, actor, reason)
        return Started(latest, f"{latest.version} is undone", fresh=False)
    serving = store.serving(service, environment)
    if to is None:
        if len(serving) < 2:
            raise NoWayBack(f"no earlier version has served {environment}: there is nothing to go back to")
        to = serving[1]
    elif to not in serving:
        raise NoWayBack(f"{to} has never served all requests of {environment}: `pilotage deploy {to}` rolls it out")
    if to == serving[0]:
        return Started(None, f"{to} serves all requests of {environment} already", fresh=False)
    return _start(store, loaded, plan_for(loaded, environment, Wish(to)), serving[0], Pace.FAST, actor)


def _start(store: Store, loaded: Loaded, plan: Plan, old: str | None, pace: Pace, actor: str) -> Started:
    now = time.time()
    section = loaded.configuration.environments[plan.environment]
    target = describe(section, loaded.path.resolve().parent)
    rollout = store.create(plan, begin(plan, old, pace), target, actor, now)
    return Started(rollout, f"{plan.version} rolls out to {plan.environment}", fresh=True)


def take_down(store: Store, directory: Path) -> list[str]:
    """Stop the routers and fleets of every environment this store knows; returns their names. The worker must be
    stopped before, or it would start them again."""
    from pilotage.engine import leases
    from pilotage.engine.targets import open_target

    last: dict[tuple[str, str], Rollout] = {}
    for identity in (*store.unfinished(), *(r.id for r in store.settled())):
        rollout = store.get(identity)
        last[(rollout.service, rollout.environment)] = rollout
    for (service, environment), rollout in last.items():
        token = leases.acquire(store.engine, f"{service}/{environment}", leases.holder())
        if token is None:
            raise StoreConflict(f"a worker still holds {service}/{environment}: stop it first")
        target = open_target(directory, rollout.target, service, environment, token)
        target.router.stop()
        target.fleet.stop()
    return [f"{service}/{environment}" for service, environment in last]
