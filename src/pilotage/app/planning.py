"""Plans that people make on a page: made, kept under their hash, compared, and deployed as they were read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pilotage.app import first_deployment
from pilotage.app.deploy import DeployResult, deploy
from pilotage.app.known_risk import planned
from pilotage.app.permissions import Permission
from pilotage.app.plan import PlanRequest, compare
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.startable import lacks_of_version
from pilotage.engine.records import kept_plans
from pilotage.model.errors import Invalid, PilotageError
from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.model.record import RolloutSummary
from pilotage.plan.difference import by_part


class NoSuchPlan(Invalid):
    """No kept plan has this hash, or this version cannot read it."""

    http_status = 404


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What is before a version that would be deployed now. serving: the present version, None for nothing."""

    serving: str | None
    under_way: RolloutSummary | None
    queued: tuple[RolloutSummary, ...]


def make(project: Project, actor: str, environment: str, version: str, release_date: date | None = None) -> Plan:
    """A new plan, kept under its hash. Raises Forbidden, Invalid, ConfigError."""
    project.require(actor, Permission.PLAN, environment)
    day = project.environment(environment)
    wish = PlanRequest(version, release_date=release_date, today=project.today)
    plan = planned(project, day, wish)
    kept_plans.keep(project.store.engine, plan)
    return plan


def called(project: Project, hash_: str) -> Plan:
    """Raises NoSuchPlan."""
    try:
        found = kept_plans.called(project.store.engine, hash_)
    except ValueError as error:
        raise NoSuchPlan(f"the plan {hash_[:12]} cannot be read by this version of Pilotage: {error}") from None
    if found is None:
        raise NoSuchPlan(f"there is no plan {hash_[:64]}")
    return found


def queue_of(project: Project, plan: Plan) -> Queue:
    store = project.store
    newest = store.newest(plan.service, plan.environment)
    return Queue(
        serving=next(iter(store.serving(plan.service, plan.environment)), None),
        under_way=newest if newest and not newest.status.final else None,
        queued=store.queued(plan.service, plan.environment),
    )


def outdated(queue: Queue, plan: Plan) -> str:
    """Why the plan does not fit what serves now; empty where it does."""
    return first_deployment.outdated(plan, queue.serving, queue.under_way.version if queue.under_way else None)


def lacks(project: Project, plan: Plan) -> str:
    """Why the version could not be started now, as far as files tell; empty where nothing speaks against it."""
    try:
        return lacks_of_version(project.loaded, plan.environment, plan.version)
    except PilotageError:
        return ""  # what cannot be read or asked, the deployment itself says


def asks_readiness(project: Project, plan: Plan) -> bool:
    """Whether a deployment is refused while items of the plan's list are not ready."""
    from pilotage.app.readiness.assessment import enforced

    try:
        return enforced(project.loaded, plan.environment)
    except PilotageError:
        return True  # what cannot be read, the deployment itself says


def before(project: Project, plan: Plan) -> str | None:
    """Hash of the plan that its environment had last; None for the first."""
    return kept_plans.last_of(project.store.engine, plan.service, plan.environment, plan.hash)


def changes(old: Plan, new: Plan) -> dict[str, list[PlanChange]]:
    """By part of the plan."""
    return {part: list(found) for part, found in by_part(compare(old, new)).items()}


def deploy_as_read(project: Project, actor: str, plan: Plan, *, queue: bool, traceparent: str = "") -> DeployResult:
    """Roll out exactly this plan. queue: behind what rolls out now, which else refuses it. Raises as `deploy`."""
    wanted = "queue" if queue else "refuse"
    return deploy(project, actor, DeployRequest(plan=plan, on_conflict=wanted, traceparent=traceparent))
