"""After a restore: what the records of an environment lack, and the word that Pilotage may go on from them."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app import setbacks
from pilotage.app.permissions import Permission
from pilotage.model.output.base import Output
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.keeping import DoneAnswer
from pilotage.web.api.wishes import Reason
from pilotage.web.route import Asked, Body, Route


class SetbackAnswer(Output, frozen=True, kw_only=True):
    """What the records of an environment lack after a restore."""

    sentence: str
    """Empty where the records are not older than what was done there, or somebody accepted them."""


class AcceptRecordsBody(Body, frozen=True, kw_only=True):
    """reason: kept in the records."""

    reason: Reason = ""


def _setback(asked: Asked) -> Response:
    last = asked.project.records.newest(asked.params["service"], asked.params["environment"])
    return json_answer(SetbackAnswer(sentence=setbacks.setback_of(asked.project, last)))


def _accept(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    found = setbacks.left_alone(asked.project.for_service(service), environment)
    setbacks.accept(asked.project, asked.who.name, found, asked.body_as(AcceptRecordsBody).reason)
    sentence = f"the records of {service} in {environment} are accepted; the worker starts and keeps what they say"
    return json_answer(DoneAnswer(sentence=sentence))


ROUTES = (
    Route(
        method="GET", path=f"{PLACE}/setback", permission=Permission.READ, answer=_setback, gives=SetbackAnswer,
        summary="Show what the records lack after a restore.",
    ),
    Route(
        method="POST", path=f"{PLACE}/accept-records", permission=Permission.ADOPT, answer=_accept,
        takes=AcceptRecordsBody, gives=DoneAnswer, about=f"{PLACE}/setback",
        summary="Go on from records that are older than what was done.",
    ),
)  # fmt: skip
