"""Going back: the rollout under way is rolled back, or an earlier version is rolled out again."""

from __future__ import annotations

from dataclasses import replace

from pilotage.app.deploy import start
from pilotage.app.permissions import Permission
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest, RollbackRequest
from pilotage.app.setbacks import refuse_unaccepted
from pilotage.app.startable import check_startable
from pilotage.config.yaml_reader import ConfigError
from pilotage.engine.rescue.returning import DeployResult, go_back_by_record, pace_back, way_back
from pilotage.model.rollout import Mode


def go_back(project: Project, actor: str, request: RollbackRequest) -> DeployResult:
    """Roll back the rollout in progress, or return to a version that served before. Within `rollback.window` of the
    current one's end that version is not analysed again; later it is released like any other. If the configuration
    cannot be read, the store's records are used. Raises NoWayBack, CannotStart, StoreConflict, RecordsNotAccepted,
    Unclear."""
    service, name = project.place(request.environment)
    project.require(actor, Permission.ROLL_BACK, name)
    # Records that lack the last release do not know which version was good. A rollout under way is never refused.
    refuse_unaccepted(project, service, name)
    try:
        loaded = project.loaded
    except ConfigError:
        return go_back_by_record(project.store, service, name, request.to, actor, request.reason)
    found = way_back(project.store, service, name, request.to, actor, request.reason)
    if isinstance(found, DeployResult):
        return found
    version, serving, latest = found
    plan = plan_for(loaded, name, PlanRequest(version, going_back=True))
    mode, words = pace_back(plan, latest, project.store.clock.now())
    check_startable(project, name, version, again=mode is Mode.FAST_RETURN)
    started = start(project, actor, DeployRequest(plan=plan), serving, mode)
    return replace(started, sentence=f"rolling back {name} to {version}{words}")
