"""Plans that were made: one of them, why it is so, what differs from another one, and what another answer or day would
change. None of these routes records anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app import planning
from pilotage.app.known_risk import planned
from pilotage.app.permissions import Permission
from pilotage.app.plan import PlanRequest, compare, reason_of, retarget, what_if
from pilotage.app.plan_output import changes_output, retarget_output
from pilotage.app.project import Project
from pilotage.model.acceptance import Acceptance
from pilotage.model.output.records import ChangesOutput, ReasonOutput, RetargetOutput
from pilotage.model.plan import Plan
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.releasing import PlanAnswer, plan_answer
from pilotage.web.api.wishes import Name, PlanBody, near, wish_of
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Query, Route

_ONE = "/api/v1/plans/{plan}"


class ReasonQuery(Query, frozen=True, kw_only=True):
    """path: of a value in the plan, such as `canary.weights` or `steps[0].timeout`."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


class RetargetQuery(Query, frozen=True, kw_only=True):
    """day: on which all users are to have the release."""

    day: date


class WhatIfBody(PlanBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · done: finished phases
    · accept: conflicts that the plan may have, each with the reason · answers: other answers, by question; several
    stakeholders with commas."""

    answers: Annotated[Mapping[Name, Name], msgspec.Meta(min_length=1, max_length=20)]


def _plan(asked: Asked) -> Plan:
    return planning.called(asked.project, asked.params["plan"])


def _here(asked: Asked, plan: Plan) -> Project:
    return asked.site.for_(asked.who, plan.service)


def _one(asked: Asked) -> Response:
    return json_answer(plan_answer(_plan(asked)))


def _reason(asked: Asked) -> Response:
    found = reason_of(_plan(asked), asked.query_as(ReasonQuery).path)
    return json_answer(ReasonOutput(path=found.path, value=found.value, reasons=tuple(found.because)))


def _difference(asked: Asked) -> Response:
    other = planning.called(asked.project, asked.params["other"])
    if not asked.sees(other.service, other.environment):
        raise NotFound(f"there is no plan {asked.params['other'][:64]}")
    return json_answer(changes_output(compare(_plan(asked), other)))


def _retargeted(asked: Asked) -> Response:
    plan = _plan(asked)
    project = _here(asked, plan)
    day = near(asked.query_as(RetargetQuery).day)
    return json_answer(retarget_output(retarget(project, plan, PlanRequest(plan.version, day, project.today))))


def _what_if(asked: Asked) -> Response:
    body, place = asked.body_as(WhatIfBody), asked.params["environment"]
    accepted = {name: Acceptance(by=asked.who.name, reason=reason) for name, reason in body.accept.items()}
    wish = wish_of(asked, body, accepted)
    given = [f"{question}={answer}" for question, answer in body.answers.items()]
    changes = what_if(asked.project, place, wish, planned(asked.project, place, wish), given)
    return json_answer(changes_output(changes))


ROUTES = (
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, gives=PlanAnswer,
        summary="Show a plan that was kept or carried out.",
    ),
    Route(
        method="GET", path=f"{_ONE}/reason", permission=Permission.READ, answer=_reason, query=ReasonQuery,
        gives=ReasonOutput, summary="Explain one value of a plan.",
    ),
    Route(
        method="GET", path=f"{_ONE}/changes/{{other}}", permission=Permission.READ, answer=_difference,
        gives=ChangesOutput, summary="Show what changes from a plan to another one.",
    ),
    Route(
        method="GET", path=f"{_ONE}/retargeted", permission=Permission.READ, answer=_retargeted,
        query=RetargetQuery, gives=RetargetOutput,
        summary="Show what another day would move, and who needs to hear of it.",
    ),
    Route(
        method="POST", path=f"{PLACE}/plan/what-if", permission=Permission.PLAN, answer=_what_if, takes=WhatIfBody,
        gives=ChangesOutput, summary="Show what other answers would change in the plan of a version.",
    ),
)  # fmt: skip
