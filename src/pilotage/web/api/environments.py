"""Services and their environments: what serves, what rolls out, what did before."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.permissions import Permission
from pilotage.app.status import everywhere, status_of
from pilotage.app.status_output import environment_output
from pilotage.engine.records.pages import rollout_page
from pilotage.model.errors import Invalid
from pilotage.model.output.base import Output, Part
from pilotage.model.output.rollouts import EnvironmentOutput, RolloutOutput, StatusOutput
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.cursor import PageQuery, cursor_at, link, position_of
from pilotage.web.route import Asked, Audience, Route, Sharing

PLACE = "/api/v1/services/{service}/environments/{environment}"


class ServicePart(Part, frozen=True, kw_only=True):
    """A service with the environments that you may read."""

    name: str
    environments: tuple[str, ...]
    """Names, in the order of pilotage.yaml."""


class ServicesAnswer(Output, frozen=True, kw_only=True):
    """Services of the configuration."""

    services: tuple[ServicePart, ...]


class RolloutPage(Output, frozen=True, kw_only=True):
    """Rollouts of an environment, newest first."""

    rollouts: tuple[RolloutOutput, ...]
    next: str
    """For `after`; empty on the last page."""


def _services(asked: Asked) -> Response:
    known = asked.project.names.environments.items()
    seen = ((name, tuple(one for one in places if asked.sees(name, one))) for name, places in known)
    return json_answer(
        ServicesAnswer(services=tuple(ServicePart(name=name, environments=there) for name, there in seen if there))
    )


def _environments(asked: Asked) -> Response:
    found = [one for one in everywhere(asked.project, None) if asked.sees(one.service, one.environment)]
    return json_answer(StatusOutput(environments=tuple(environment_output(one) for one in found)))


def _environment(asked: Asked) -> Response:
    return json_answer(environment_output(status_of(asked.project, asked.params["environment"])))


def _rollouts(asked: Asked) -> Response:
    query, store = asked.query_as(PageQuery), asked.site.store
    service, environment = asked.params["service"], asked.params["environment"]
    try:
        found = rollout_page(store.engine, service, environment, position_of(query.after), query.limit + 1)
    except KeyError:
        raise Invalid("this cursor belongs to another list") from None
    shown, more = found[: query.limit], len(found) > query.limit
    following = cursor_at(shown[-1].id) if more else ""
    outputs = rollout_outputs(shown, store.live_views([one.id for one in shown]))
    return json_answer(RolloutPage(rollouts=outputs, next=following), headers=link(asked, following))


ROUTES = (
    Route(
        method="GET", path="/api/v1/services", permission=Audience.SIGNED_IN, answer=_services, gives=ServicesAnswer,
        summary="List services and their environments.",
    ),
    Route(
        method="GET", path="/api/v1/environments", permission=Audience.SIGNED_IN, answer=_environments,
        shared=Sharing.ROLES, gives=StatusOutput, summary="Show what serves and what rolls out, everywhere.",
    ),
    Route(
        method="GET", path=PLACE, permission=Permission.READ, answer=_environment, gives=EnvironmentOutput,
        summary="Show what serves and what rolls out in an environment.",
    ),
    Route(
        method="GET", path=f"{PLACE}/rollouts", permission=Permission.READ, answer=_rollouts, query=PageQuery,
        gives=RolloutPage, summary="List the rollouts of an environment, newest first.",
    ),
)  # fmt: skip
