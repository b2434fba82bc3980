"""Ways of releases along their stages, and the commands that people give them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.permissions import Permission
from pilotage.app.way.control import WayRequest, ask_way, needed_for
from pilotage.app.way.output import event_output, place_output, summary_output, way_output
from pilotage.app.way.starting import StartWay, start_way
from pilotage.app.way.viewing import all_ways, events_of, grid, one_way
from pilotage.model.output.base import Output
from pilotage.model.output.ways import WayEventOutput, WayOutput, WaysOutput, WayStartedOutput
from pilotage.model.way_command import WayCommandKind
from pilotage.web.answers import json_answer
from pilotage.web.route import Asked, Body, Pace, Route, Turn

_WAYS = "/api/v1/services/{service}/ways"
_ONE = f"{_WAYS}/{{version}}"

Text = Annotated[str, msgspec.Meta(max_length=200)]


class StartWayBody(Body, frozen=True, kw_only=True):
    """version: of the release · commit: to build; empty for the version's tag · replace: abort the way under way, and
    start this one after it."""

    version: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    commit: Text = ""
    replace: bool = False


class WayCommandBody(Body, frozen=True, kw_only=True):
    """stage: that you saw; the command is refused at another one · reason: recorded with the command."""

    stage: Text = ""
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class WayCommandAnswer(Output, frozen=True, kw_only=True):
    """What became of a command."""

    version: str
    end: str
    """`done`, `refused`, `too-late` or `unanswered`."""
    sentence: str


class WayEventsAnswer(Output, frozen=True, kw_only=True):
    """Events of a way."""

    events: tuple[WayEventOutput, ...]


def _listed(asked: Asked) -> Response:
    shown = tuple(summary_output(view) for view in all_ways(asked.project))
    return json_answer(WaysOutput(ways=shown, environments=tuple(place_output(one) for one in grid(asked.project))))


def _one(asked: Asked) -> Response:
    return json_answer(way_output(one_way(asked.project, asked.params["version"])))


def _events(asked: Asked) -> Response:
    _, recorded = events_of(asked.project, asked.params["version"])
    return json_answer(WayEventsAnswer(events=tuple(map(event_output, recorded))))


def _start(asked: Asked) -> Response:
    body = asked.body_as(StartWayBody)
    wanted = StartWay(version=body.version, commit=body.commit, replace=body.replace)
    stored = start_way(asked.project, asked.who.name, wanted)
    asked.project.ensure_worker()
    path = _ONE.format(service=stored.way.service, version=stored.way.version)
    return json_answer(WayStartedOutput(way=stored.way.id), 202, {"Location": f"{asked.site.root}{path}"})


def _command(kind: WayCommandKind) -> Route:
    def answer(asked: Asked) -> Response:
        body = asked.body_as(WayCommandBody)
        request = WayRequest(kind=kind, version=asked.params["version"], stage=body.stage, reason=body.reason)
        got = ask_way(asked.project, asked.who.name, request)
        return json_answer(WayCommandAnswer(version=got.version, end=got.end.value, sentence=got.sentence))

    return Route(
        method="POST", path=f"{_ONE}/{kind.value}", permission=needed_for(kind), answer=answer, takes=WayCommandBody,
        gives=WayCommandAnswer, about=_ONE, turn=Turn.IF_MATCH, summary=f"{kind.value.capitalize()} a way.",
        pace=Pace.URGENT if kind is WayCommandKind.ABORT else Pace.USUAL,
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path=_WAYS, permission=Permission.READ, answer=_listed, gives=WaysOutput,
        summary="List the ways of a service.",
    ),
    Route(
        method="POST", path=_WAYS, permission=Permission.DEPLOY, answer=_start, takes=StartWayBody,
        gives=WayStartedOutput, status=202, summary="Take a version along its stages.",
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, gives=WayOutput,
        summary="Show the way of a version.",
    ),
    Route(
        method="GET", path=f"{_ONE}/events", permission=Permission.READ, answer=_events, gives=WayEventsAnswer,
        summary="List the events of a way.",
    ),
    *(_command(kind) for kind in WayCommandKind),
)  # fmt: skip
