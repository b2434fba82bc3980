"""Waves of tenants, and a tenant's wish for another wave."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from pilotage.app import waves
from pilotage.app.permissions import Permission
from pilotage.model.output.waves import MovedOutput, WaveMembersOutput, WavesOutput
from pilotage.render.wave_section import move_output
from pilotage.render.wave_section import output_of as waves_output
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import Name, Reason, near
from pilotage.web.route import Asked, Body, Route

_WAVES = f"{PLACE}/waves"


class MoveBody(Body, frozen=True, kw_only=True):
    """to: the wave with which it gets releases · until: the last day on which this holds · reason: recorded with it."""

    to: Name
    until: date
    reason: Reason = ""


def _listed(asked: Asked) -> Response:
    return json_answer(waves_output(waves.view(asked.project, asked.params["environment"])))


def _members(asked: Asked) -> Response:
    place, names = waves.members(asked.project, asked.params["environment"], asked.params["wave"])
    return json_answer(WaveMembersOutput(environment=place, wave=asked.params["wave"], tenants=names))


def _move(asked: Asked) -> Response:
    body, where = asked.body_as(MoveBody), asked.params
    near(body.until)
    wish = waves.MoveRequest(
        tenant=where["tenant"], to=body.to, until=body.until, reason=body.reason, environment=where["environment"]
    )  # fmt: skip
    found = waves.move(asked.project, asked.who.name, wish)
    return json_answer(
        MovedOutput(
            environment=found.environment, move=move_output(found.move), before=found.before, outdated=found.outdated
        )
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path=_WAVES, permission=Permission.READ, answer=_listed, gives=WavesOutput,
        summary="Show waves of tenants.",
    ),
    Route(
        method="GET", path=f"{_WAVES}/{{wave}}", permission=Permission.READ, answer=_members,
        gives=WaveMembersOutput, summary="List the tenants of a wave.",
    ),
    Route(
        method="POST", path=f"{PLACE}/tenants/{{tenant}}/wave", permission=Permission.MOVE_TENANT, answer=_move,
        takes=MoveBody, gives=MovedOutput, about=_WAVES, summary="Give a tenant its releases with another wave.",
    ),
)  # fmt: skip
