"""Deploying several services as one release."""

from __future__ import annotations

import uuid
from dataclasses import replace

from pilotage.app.announcement_tracking import track_deployed
from pilotage.app.approvals import approved_already
from pilotage.app.known_risk import planned
from pilotage.app.permissions import Permission
from pilotage.app.plan import PlanRequest
from pilotage.app.preconditions import PlanStopped, check_may_begin, check_ready
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest, GroupRequest
from pilotage.app.snapshot import snapshot_of
from pilotage.engine.records.store import Wanted
from pilotage.model.order import in_order
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import Event, Mode
from pilotage.model.snapshot import Membership, Snapshot
from pilotage.rollout.machine import begin


def deploy_group(project: Project, actor: str, request: GroupRequest) -> tuple[Rollout, ...]:
    """Start a release of several services: all are queued, and those that depend on none start immediately. Nothing
    starts if a plan may not be executed or an environment is busy. Raises as `deploy`."""
    project.require(actor, Permission.DEPLOY, request.environment)
    plans, told = _checked(project, actor, request)
    identity, now = f"release-{uuid.uuid4().hex[:8]}", project.store.clock.now()
    wanted = []
    for name, plan in plans.items():
        serving = project.store.serving(name, request.environment)
        state = begin(
            plan, serving[0] if serving else None, Mode.FULL, project.people.identify(actor).name,
            approved_already(project.for_service(name), actor, plan),
        )  # fmt: skip
        snapshot = _snapshot(project, name, request.environment, frozenset(plans))
        track_deployed(project.for_service(name), actor, plan)
        wanted.append(
            Wanted(
                plan=plan, state=state, snapshot=snapshot, actor=actor, queued=True, group_id=identity, more=told[name]
            )
        )  # fmt: skip
    return project.store.create_group(wanted, now)


def _checked(
    project: Project, actor: str, request: GroupRequest
) -> tuple[dict[str, Plan], dict[str, tuple[Event, ...]]]:
    """The plan of each service that does not serve its version yet, and its first events."""
    services = project.whole.configuration.services
    plans, told = {}, {}
    for name in in_order({name: section.depends_on for name, section in services.items()}):
        if name not in request.versions:
            continue
        one = project.for_service(name)
        if request.environment not in one.loaded.configuration.environments:
            where = one.loaded.place("environments")
            raise PlanStopped(f"{where}: {name} has no environment {request.environment!r}")
        plan = planned(one, request.environment, PlanRequest(request.versions[name]))
        asked = DeployRequest(plan=plan, emergency_reason=request.emergency_reason)
        check_may_begin(one, actor, asked)
        serving = project.store.serving(name, request.environment)
        if not serving or serving[0] != plan.version:
            plans[name], told[name] = plan, check_ready(one, actor, asked)
    return plans, told


def _snapshot(project: Project, name: str, environment: str, members: frozenset[str]) -> Snapshot:
    whole, store = project.whole, project.store
    after = tuple(other for other in whole.configuration.services[name].depends_on if other in members)
    membership = Membership(after=after, lockstep=whole.configuration.lockstep)
    return replace(snapshot_of(whole.of(name), environment, store.clock.now(), store.directory), release=membership)
