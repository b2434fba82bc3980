"""Deploying: a version of one service rolls out, unless it serves already, or another is on its way."""

from __future__ import annotations

from dataclasses import replace

from pilotage.app.permissions import person_of
from pilotage.app.preconditions import check_may_begin, check_ready
from pilotage.app.requests import DeployRequest
from pilotage.app.snapshot import snapshot_of
from pilotage.config.loading import Loaded
from pilotage.engine.returning import Started
from pilotage.engine.store import Store, StoreConflict, Wanted
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Event, Pace, RolloutState
from pilotage.rollout.machine import begin


def deploy(store: Store, loaded: Loaded, plan: Plan, asked: DeployRequest) -> Started:
    """Begin the rollout of `plan` (rule 8): the version that serves already is a no-op; the stable one, asked for
    while another rolls out, is a return to it; anything else then is refused (StoreConflict), waits, or replaces it.

    Raises PlanStopped for a plan that may not be executed, GatesShut where its readiness is enforced, StoreConflict in
    a freeze; the latter two not when the glass is broken.
    """
    check_may_begin(store, loaded, plan, asked)
    latest = store.latest(plan.service, plan.environment)
    serving = store.serving(plan.service, plan.environment)
    if latest is not None and not latest.state.status.final:
        return _while_busy(store, loaded, plan, asked, latest)
    if serving and serving[0] == plan.version:
        return Started(None, f"{plan.version} serves all requests of {plan.environment} already", fresh=False)
    told = check_ready(store, loaded, plan, asked)
    pace = (Pace.URGENT if asked.glass else Pace.FULL) if serving else Pace.FIRST
    return _start(store, loaded, plan, serving[0] if serving else None, pace, asked, told)


def _while_busy(store: Store, loaded: Loaded, plan: Plan, asked: DeployRequest, latest: Rollout) -> Started:
    if plan.version == latest.version:
        return Started(latest, f"{plan.version} is already rolling out", fresh=False)
    if plan.version == latest.old:
        store.command(latest.id, CommandKind.ROLLBACK, asked.actor, f"{plan.version} was deployed again")
        return Started(latest, f"{latest.version} is undone: {plan.version} was deployed again", fresh=False)
    if asked.busy == "refuse":
        raise StoreConflict(
            f"{latest.version} is rolling out in {plan.environment}: wait for it, `pilotage abort` it first, or say "
            "--if-busy queue or supersede"
        )
    waiting = store.queued(plan.service, plan.environment)
    for other in waiting:
        if other.version == plan.version:
            return Started(store.get(other.id), f"{plan.version} waits its turn already", fresh=False)
    told = check_ready(store, loaded, plan, asked)
    pace = Pace.URGENT if asked.glass else Pace.FULL
    now = store.clock.now()
    wanted = _wanted(store, loaded, plan, latest.old, pace, asked, told, now)
    if asked.busy == "supersede":
        rollout = store.supersede(wanted, latest.id, now)
        return Started(rollout, f"{latest.version} is undone, then {plan.version} rolls out", fresh=True)
    rollout = store.create(plan, wanted.state, wanted.snapshot, asked.actor, now, queued=True, more=told)
    return Started(rollout, f"{plan.version} rolls out when {latest.version} is done", fresh=True)


def _start(
    store: Store,
    loaded: Loaded,
    plan: Plan,
    old: str | None,
    pace: Pace,
    asked: DeployRequest,
    told: tuple[Event, ...] = (),
) -> Started:
    now = store.clock.now()
    wanted = _wanted(store, loaded, plan, old, pace, asked, told, now)
    rollout = store.create(plan, wanted.state, wanted.snapshot, wanted.actor, now, more=told)
    return Started(rollout, f"{plan.version} rolls out to {plan.environment}", fresh=True)


def _wanted(
    store: Store,
    loaded: Loaded,
    plan: Plan,
    old: str | None,
    pace: Pace,
    asked: DeployRequest,
    told: tuple[Event, ...],
    now: float,
) -> Wanted:
    state: RolloutState = begin(plan, old, pace, person_of(loaded, asked.actor).name)
    if asked.glass:
        state = replace(state, reason=asked.glass)
    snapshot = snapshot_of(loaded, plan.environment, now, store.directory)
    return Wanted(plan=plan, state=state, snapshot=snapshot, actor=asked.actor, more=told)
