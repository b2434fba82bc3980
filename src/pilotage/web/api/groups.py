"""Releases of several services together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.deploy_group import deploy_group
from pilotage.app.permissions import Permission
from pilotage.app.requests import GroupRequest
from pilotage.model.output.base import Output
from pilotage.model.output.rollouts import HistoryOutput
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.api.wishes import Name, Reason, Version
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Body, Made, Route

_ALL = "/api/v1/groups"


class GroupBody(Body, frozen=True, kw_only=True):
    """environment: the same of each service · versions: by service; services wait for those that they depend on ·
    break_glass: why freezes and readiness do not count this time."""

    environment: Name
    versions: Annotated[Mapping[Name, Version], msgspec.Meta(min_length=1, max_length=200)]
    break_glass: Reason = ""


class GroupAnswer(Output, frozen=True, kw_only=True):
    """A release of several services."""

    group_id: str
    """Empty where every service serves its version already."""
    rollouts: tuple[str, ...]
    """Ids."""


def _deploy(asked: Asked) -> Response:
    body = asked.body_as(GroupBody)
    request = GroupRequest(
        environment=body.environment, versions=body.versions, emergency_reason=body.break_glass
    )  # fmt: skip
    made = deploy_group(asked.project, asked.who.name, request)
    asked.project.ensure_worker()
    return _begun(asked, str(made[0].group_id) if made else "", tuple(one.id for one in made))


def _begun(asked: Asked, group: str, rollouts: tuple[str, ...]) -> Response:
    where = {"Location": f"{asked.site.root}{_ALL}/{group}"} if group else {}
    return json_answer(GroupAnswer(group_id=group, rollouts=rollouts), 202, where)


def _begun_before(asked: Asked, made: Made) -> Response:
    """Of a server that died after it had recorded the rollouts, all of them in one transaction."""
    rollouts = tuple(identity for kind, identity in made if kind == "rollout")
    asked.project.ensure_worker()
    return _begun(asked, str(asked.site.store.look_up(rollouts[0]).group_id), rollouts)


def _one(asked: Asked) -> Response:
    store, group = asked.site.store, asked.params["group"]
    found = [one for one in store.members(group) if asked.sees(one.service, one.environment)]
    if not found:
        raise NotFound(f"there is no release of several services called {group[:100]!r}")
    views = store.live_views([one.id for one in found])
    return json_answer(HistoryOutput(rollouts=rollout_outputs(found, views)))


ROUTES = (
    Route(
        method="POST", path=_ALL, permission=Permission.DEPLOY, answer=_deploy, takes=GroupBody, gives=GroupAnswer,
        status=202, remade=_begun_before, summary="Roll out several services together.",
    ),
    Route(
        method="GET", path=f"{_ALL}/{{group}}", permission=Audience.SIGNED_IN, answer=_one, gives=HistoryOutput,
        summary="Show the rollouts of a release of several services.",
    ),
)  # fmt: skip
