"""The release train of a service: what is on board, departures, and changes that board late."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.boarding import board_late
from pilotage.app.permissions import Permission
from pilotage.app.repository import asked_of_git
from pilotage.app.train_output import departures_output, train_output
from pilotage.app.trains import station
from pilotage.model.output.trains import DeparturesOutput, TrainOutput
from pilotage.render.trains import to_train_ics
from pilotage.web.answers import json_answer
from pilotage.web.api.wishes import Name, Words
from pilotage.web.route import Asked, Body, Query, Route

_TRAIN = "/api/v1/services/{service}/train"


class DeparturesQuery(Query, frozen=True, kw_only=True):
    """count: number of departures."""

    count: Annotated[int, msgspec.Meta(ge=1, le=120)] = 8


class BoardBody(Body, frozen=True, kw_only=True):
    """change: pull request, such as `#12`, or commit · reason: why it cannot wait."""

    change: Name
    reason: Words


def _show(asked: Asked) -> Response:
    return json_answer(train_output(asked.project, station(asked.project)))


def _departures(asked: Asked) -> Response:
    return json_answer(departures_output(station(asked.project), asked.query_as(DeparturesQuery).count))


def _calendar(asked: Asked) -> Response:
    here, count = station(asked.project), asked.query_as(DeparturesQuery).count
    content = to_train_ics(here.train.line, here.next_trains(count), here.now)
    return Response(content, media_type="text/calendar")


def _board(asked: Asked) -> Response:
    body = asked.body_as(BoardBody)
    with asked_of_git():
        board_late(asked.project, station(asked.project), asked.who.name, body.change, body.reason)
    return _show(asked)


ROUTES = (
    Route(
        method="GET", path=_TRAIN, permission=Permission.READ, answer=_show, gives=TrainOutput,
        summary="Show the next release train and what is on board.",
    ),
    Route(
        method="GET", path=f"{_TRAIN}/departures", permission=Permission.READ, answer=_departures,
        query=DeparturesQuery, gives=DeparturesOutput, summary="List the next departures and cut-offs.",
    ),
    Route(
        method="GET", path=f"{_TRAIN}/departures.ics", permission=Permission.READ, answer=_calendar,
        query=DeparturesQuery, media="text/calendar", summary="Show the next departures as a calendar.",
    ),
    Route(
        method="POST", path=f"{_TRAIN}/board", permission=Permission.BOARD_LATE, answer=_board, takes=BoardBody,
        gives=TrainOutput, about=_TRAIN, summary="Board a change after the cut-off.",
    ),
)  # fmt: skip
