"""Deploying: a version of one service rolls out, unless it serves already, or another is on its way."""

from __future__ import annotations

from dataclasses import replace

from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.app.announcement_tracking import track_deployed
from pilotage.app.approvals import approved_already
from pilotage.app.first_deployment import outdated
from pilotage.app.permissions import Permission
from pilotage.app.preconditions import check_may_begin, check_ready
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.snapshot import snapshot_of
from pilotage.engine.records.store import StoreConflict, Wanted
from pilotage.engine.rescue.returning import DeployResult as DeployResult
from pilotage.model.events import ArtifactsNamed, TraceContinued
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Event, Mode, RolloutState, Status
from pilotage.model.trace_context import parent_of
from pilotage.rollout.machine import begin


class WouldUndo(StoreConflict):
    """The stable version was requested while another rolls out, and nobody confirmed the rollback."""


class OutdatedPlan(StoreConflict):
    """The plan was made while no version served and one does now, or the other way round."""


def deploy(project: Project, actor: str, request: DeployRequest) -> DeployResult:
    """Start the rollout of a plan (rule 8). The version that serves already is a no-op. The stable version, requested
    while another rolls out, is a rollback, once it is confirmed (WouldUndo). Any other version is then refused
    (StoreConflict), queued, or replaces it.

    Raises Forbidden, PlanStopped for a plan that may not be executed, GatesShut if readiness is enforced, StoreConflict
    in a freeze, RecordsNotAccepted after a restore; the latter three not in an emergency. Raises OutdatedPlan for the
    plan of a first deployment where a version serves, and for any other one where none does.
    """
    plan, store = request.plan, project.store
    project.require(actor, Permission.DEPLOY, plan.environment)
    check_may_begin(project, actor, request)
    latest = store.latest(plan.service, plan.environment)
    serving = store.serving(plan.service, plan.environment)
    now = serving[0] if serving else None
    if latest is not None and not latest.state.status.final:
        _check_fits(plan, now, latest.version)
        return _while_busy(project, actor, request, latest)
    _check_fits(plan, now)
    if now == plan.version:
        return DeployResult(None, f"{plan.version} already serves all requests of {plan.environment}", fresh=False)
    told = check_ready(project, actor, request)
    mode = (Mode.EMERGENCY if request.emergency_reason else Mode.FULL) if now else Mode.INITIAL
    track_deployed(project, actor, plan)
    return start(project, actor, request, now, mode, told)


def _check_fits(plan: Plan, serving: str | None, under_way: str | None = None) -> None:
    """Raises OutdatedPlan."""
    if why := outdated(plan, serving, under_way):
        raise OutdatedPlan(why)


def _while_busy(project: Project, actor: str, request: DeployRequest, latest: Rollout) -> DeployResult:
    plan, store = request.plan, project.store
    if plan.version == latest.version:
        return DeployResult(latest, f"{plan.version} is already rolling out", fresh=False)
    if plan.version == latest.old and latest.state.status is Status.ROLLING_BACK:
        return DeployResult(latest, f"{latest.version} is already rolling back to {plan.version}", fresh=False)
    if plan.version == latest.old:
        if not request.may_undo:
            raise WouldUndo(
                f"{plan.version} is the stable version: deploying it rolls back {latest.version}, which is "
                f"{latest.state.status} in {plan.environment}. Confirm with --yes"
            )
        store.command(latest.id, CommandKind.ROLLBACK, actor, f"{plan.version} was deployed again")
        return DeployResult(latest, f"rolling back {latest.version}: {plan.version} was deployed again", fresh=False)
    if request.on_conflict == "refuse" and latest.state.status is Status.ROLLING_BACK:
        raise StoreConflict(
            f"{latest.version} is being rolled back in {plan.environment}: wait until that is over, or use "
            "--on-conflict queue"
        )
    if request.on_conflict == "refuse":
        raise StoreConflict(
            f"{latest.version} is rolling out in {plan.environment}: wait for it, run `pilotage abort` first, or use "
            "--on-conflict queue or replace"
        )
    for other in store.queued(plan.service, plan.environment):
        if other.version == plan.version:
            return DeployResult(store.get(other.id), f"{plan.version} is already queued", fresh=False)
    told = check_ready(project, actor, request)
    track_deployed(project, actor, plan)
    mode, now = Mode.EMERGENCY if request.emergency_reason else Mode.FULL, store.clock.now()
    wanted = _wanted(project, actor, request, latest.old, mode, told)
    if request.on_conflict == "replace":
        rollout = store.replace(wanted, latest.id, now)
        return DeployResult(rollout, f"{latest.version} rolls back, then {plan.version} rolls out", fresh=True)
    rollout = store.create(plan, wanted.state, wanted.snapshot, actor, now, queued=True, more=wanted.more)
    return DeployResult(rollout, f"{plan.version} rolls out after {latest.version}", fresh=True)


def start(
    project: Project, actor: str, request: DeployRequest, old: str | None, mode: Mode, told: tuple[Event, ...] = ()
) -> DeployResult:
    """Record the rollout with its first events, without further checks. old: the version it replaces."""
    plan, store = request.plan, project.store
    wanted = _wanted(project, actor, request, old, mode, told)
    rollout = store.create(plan, wanted.state, wanted.snapshot, wanted.actor, store.clock.now(), more=wanted.more)
    return DeployResult(rollout, f"rolling out {plan.version} to {plan.environment}", fresh=True)


def _told(project: Project, request: DeployRequest, told: tuple[Event, ...]) -> tuple[Event, ...]:
    """The first events of a rollout: where its version comes from and what it is made of, then `told`."""
    promoted = (request.promoted.record(),) if request.promoted else ()
    return (*_traced(request), *promoted, *_named(project, request.plan), *told)


def _traced(request: DeployRequest) -> tuple[Event, ...]:
    parent = parent_of(request.traceparent)
    return (TraceContinued(trace_id=parent.trace, span_id=parent.span).record(),) if parent else ()


def _built(project: Project, plan: Plan, old: str | None) -> dict[str, tuple[str, ...]]:
    """Digests of what both versions are made of, by version."""
    store = ArtifactStore(project.directory / "artifacts")
    found = {version: store.of(plan.service, version) for version in (plan.version, old) if version}
    return {version: tuple(sorted(one.digest for one in made)) for version, made in found.items() if made}


def _named(project: Project, plan: Plan) -> tuple[Event, ...]:
    made = ArtifactStore(project.directory / "artifacts").recorded(plan.service, plan.version)
    if made is None or not made.artifacts:
        return ()
    digests = {one.name: one.digest for one in made.artifacts}
    return (ArtifactsNamed(version=plan.version, digests=digests, commit=made.commit).record(),)


def _wanted(
    project: Project, actor: str, request: DeployRequest, old: str | None, mode: Mode, told: tuple[Event, ...]
) -> Wanted:
    plan = request.plan
    signed = approved_already(project, actor, plan, request.approved)
    state: RolloutState = begin(plan, old, mode, project.people.identify(actor).name, signed)
    if request.emergency_reason:
        state = replace(state, reason=request.emergency_reason)
    snapshot = snapshot_of(project.loaded, plan.environment, project.store.clock.now(), project.store.directory)
    snapshot = replace(snapshot, built=_built(project, plan, old))
    return Wanted(plan=plan, state=state, snapshot=snapshot, actor=actor, more=_told(project, request, told))
