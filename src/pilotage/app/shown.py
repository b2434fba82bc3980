"""Which rollout a command shows that only reads: of the environment that is named, or else of all of them."""

from __future__ import annotations

from pilotage.app.project import Project, Unclear
from pilotage.model.record import Rollout, RolloutSummary


def shown(project: Project, named: str | None, identity: str | None = None) -> Rollout:
    """The rollout with this id, or else `newest_shown`. Raises Unclear, Unreadable."""
    return project.rollout(named, newest_shown(project, named).id if identity is None else identity)


def newest_shown(project: Project, named: str | None) -> RolloutSummary:
    """The newest of an environment; where none is named, the one under way or else the newest of all environments, and
    a warning says which that is. Raises Unclear."""
    known, service = project.all_of(named), project.service_name
    found = [one for name in known if (one := project.records.newest(service, name)) is not None]
    if not found and known:
        raise Unclear(f"no deployment to {', '.join(known)} yet: run `pilotage deploy VERSION -e ENVIRONMENT`")
    if not found:
        return project.newest(named)
    best = max(found, key=lambda one: (not one.status.final, one.started_at or one.created_at))
    others = [name for name in known if name != best.environment]
    project.warn(f"{best.environment}; -e shows another environment: {', '.join(others)}")
    return best
