"""Whether a deployment is the first one of its environment: known when it is planned, and asked again when it starts.

A plan of a first deployment sends all users at once, and any other one replaces a version that serves. Neither may run
in place of the other.
"""

from __future__ import annotations

from pilotage.app.project import Project
from pilotage.model.plan import Plan


def is_first(project: Project, environment: str, version: str) -> bool:
    """Whether no version but this one serves there or rolls out there. Once it serves, its plan stays what it was."""
    if not project.has_store:
        return True
    others = project.records.serving(project.service_name, environment)
    if any(other != version for other in others):
        return False
    newest = project.records.newest(project.service_name, environment)
    return newest is None or newest.status.final or newest.version == version


def outdated(plan: Plan, serving: str | None, under_way: str | None = None) -> str:
    """Why the plan no longer fits what serves in its environment, in words; empty where it does. serving: the version
    that serves, None for none · under_way: that rolls out now."""
    if plan.version in (serving, under_way):
        return ""
    again = f"make it again with `pilotage plan {plan.version} -e {plan.environment}`"
    if plan.first and serving:
        return f"the plan is of a first deployment, and {serving} serves {plan.environment} now: {again}"
    if plan.first and under_way:
        return f"the plan is of a first deployment, and {under_way} rolls out in {plan.environment} now: {again}"
    if not plan.first and serving is None and under_way is None:
        return f"the plan replaces a version, and none serves {plan.environment}: {again}"
    return ""
