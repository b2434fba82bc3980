"""Which service and environment a request is about: the permission is asked for that place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.app.planning import called
from pilotage.app.project import Project
from pilotage.engine.records.overview import places
from pilotage.model.errors import PilotageError


class NotFound(PilotageError):
    """There is nothing of this name, or nothing that this identity may see."""

    exit_status, http_status = 2, 404


@dataclass(frozen=True, kw_only=True)
class Place:
    """Empty names: nothing in particular."""

    service: str = ""
    environment: str = ""


def place_of(project: Project, params: Mapping[str, str]) -> Place:
    """Of the parameters of a path. Raises NotFound for a rollout, service or environment that there is not,
    NoSuchPlan."""
    if "rollout" in params:
        try:
            rollout = project.store.look_up(params["rollout"])
        except KeyError:
            raise NotFound(f"there is no rollout {params['rollout']}") from None
        return Place(service=rollout.service, environment=rollout.environment)
    if "plan" in params:
        plan = called(project, params["plan"])
        return Place(service=plan.service, environment=plan.environment)
    if "service" not in params:
        return Place()
    service, environment = params["service"], params.get("environment", "")
    known = project.names.environments
    if environment in known.get(service, ()) or (service in known and not environment):
        return Place(service=service, environment=environment)
    # A name that was changed or removed in the file still stands for what was done under it.
    recorded = places(project.store.engine)
    if (service, environment) in recorded or (not environment and any(one[0] == service for one in recorded)):
        return Place(service=service, environment=environment)
    if service not in known:
        raise NotFound(f"there is no service {service!r}")
    raise NotFound(f"{service} has no environment {environment!r}")
