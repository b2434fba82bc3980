"""What commits of the server's checkout mean: which services they touch, and how likely they need a fix."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.changed import changed
from pilotage.app.permissions import Permission
from pilotage.app.repository import asked_of_git
from pilotage.app.risk import assess_changes
from pilotage.app.risk_training import train
from pilotage.model.errors import Invalid
from pilotage.model.output.risk import RiskOutput, TrainedOutput
from pilotage.model.output.touched import ChangedOutput
from pilotage.render.risk import risk_output
from pilotage.render.risk_training import trained_output
from pilotage.render.touched import changed_output
from pilotage.web.answers import json_answer
from pilotage.web.api.phases import RangeQuery
from pilotage.web.api.wishes import Moment, Revisions, moment_of
from pilotage.web.route import Asked, Body, Query, Route


class RiskQuery(Query, frozen=True, kw_only=True):
    """range: commits, as `A..B`; B is HEAD where it is left out · at: when it is to be released, by the calendar's
    clocks; now, where left out · commits: also each commit, riskiest first."""

    range: Revisions
    at: Moment | None = None
    commits: bool = False


class TrainBody(Body, frozen=True, kw_only=True):
    """revision: whose history is used · anyway: take over a level that was further off than the shipped one."""

    revision: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "HEAD"
    anyway: bool = False


def _changed(asked: Asked) -> Response:
    range_ = asked.query_as(RangeQuery).range
    return json_answer(changed_output(range_, changed(asked.project, range_)))


def _risk(asked: Asked) -> Response:
    query = asked.query_as(RiskQuery)
    when = None if query.at is None else moment_of(query.at, "at")
    if when is not None and when.tzinfo is not None:
        raise Invalid("at is a time without a zone, such as 2026-12-01T14:30")
    with asked_of_git():
        found = assess_changes(asked.project, query.range, when=when)
    return json_answer(risk_output(found.assessment, found.changes if query.commits else None))


def _train(asked: Asked) -> Response:
    with asked_of_git():
        body = asked.body_as(TrainBody)
        learned = train(asked.project, body.revision, anyway=body.anyway)
    output = trained_output(learned.model, learned.changes, learned.harmful, learned.checks, taken=learned.taken)
    return json_answer(output)


ROUTES = (
    Route(
        method="GET", path="/api/v1/changed", permission=Permission.READ, answer=_changed, query=RangeQuery,
        gives=ChangedOutput, summary="Say which services a range of commits touches.",
    ),
    Route(
        method="GET", path="/api/v1/services/{service}/risk", permission=Permission.READ, answer=_risk,
        query=RiskQuery, gives=RiskOutput, summary="Assess how likely a range of commits needs a fix, and why.",
    ),
    Route(
        method="POST", path="/api/v1/risk/model", permission=Permission.CONFIGURE, answer=_train, takes=TrainBody,
        gives=TrainedOutput, summary="Keep the risk model's level up with the history of the server's checkout.",
    ),
)  # fmt: skip
