"""What people keep an eye on beside rollouts: freezes, hosts, DORA's figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app import freezes
from pilotage.app.hosts import examine_hosts
from pilotage.app.periods import dora_report
from pilotage.app.permissions import Permission
from pilotage.app.report_page import forecasts_output
from pilotage.app.requests import FreezeRequest
from pilotage.model.errors import Invalid
from pilotage.model.output.base import Output, Part
from pilotage.model.output.forecasts import ForecastsOutput
from pilotage.model.output.hosts import HostsOutput
from pilotage.model.output.reports import DoraOutput
from pilotage.render.hosts import output_of as hosts_output
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import Name, Words
from pilotage.web.route import Asked, Body, Query, Route


class FreezeBody(Body, frozen=True, kw_only=True):
    """name: of the freeze · seconds: for how long from now · reason: shown to whoever is stopped by it."""

    name: Name
    seconds: Annotated[float, msgspec.Meta(gt=0, le=366 * 86400)]
    reason: Words


class LiftBody(Body, frozen=True, kw_only=True):
    """name: of the freeze."""

    name: Name


class PeriodQuery(Query, frozen=True, kw_only=True):
    """since: a day, or so long ago, such as `30d` · until: the last day; empty for today."""

    since: Annotated[str, msgspec.Meta(max_length=20)] = "30d"
    until: date | None = None


class FreezePart(Part, frozen=True, kw_only=True):
    """A freeze that holds or is to come."""

    name: str
    begins_at: str
    ends_at: str
    source: str
    """Who declared it and why; `calendar` if it is in the configuration."""


class FreezesAnswer(Output, frozen=True, kw_only=True):
    """Freezes of an environment."""

    freezes: tuple[FreezePart, ...]


class DoneAnswer(Output, frozen=True, kw_only=True):
    """What was done, in a sentence."""

    sentence: str


def _freezes(asked: Asked) -> Response:
    found = freezes.listed(asked.project, asked.params["environment"])
    shown = tuple(
        FreezePart(
            name=one.name, begins_at=one.begins.isoformat(), ends_at=one.ends.isoformat(),
            source=one.source or "calendar",
        )
        for one, _ in found
    )  # fmt: skip
    return json_answer(FreezesAnswer(freezes=shown))


def _declare(asked: Asked) -> Response:
    body = asked.body_as(FreezeBody)
    request = FreezeRequest(
        name=body.name, seconds=body.seconds, reason=body.reason, environment=asked.params["environment"]
    )  # fmt: skip
    return json_answer(DoneAnswer(sentence=freezes.declare(asked.project, asked.who.name, request)), 201)


def _lift(asked: Asked) -> Response:
    name = asked.body_as(LiftBody).name
    freezes.lift(asked.project, asked.who.name, asked.params["environment"], name)
    return json_answer(DoneAnswer(sentence=f"freeze {name!r} has ended"))


def _hosts(asked: Asked) -> Response:
    place = asked.params["environment"]
    return json_answer(hosts_output(place, examine_hosts(asked.project, place)))


def _dora(asked: Asked) -> Response:
    query = asked.query_as(PeriodQuery)
    made = dora_report(asked.project, asked.params["environment"], query.since, query.until)
    if not isinstance(made.output, DoraOutput):
        raise Invalid("this report has no figures")
    return json_answer(made.output)


def _forecasts(asked: Asked) -> Response:
    return json_answer(forecasts_output(asked.project, asked.params["environment"]))


ROUTES = (
    Route(
        method="GET", path=f"{PLACE}/freezes", permission=Permission.READ, answer=_freezes, gives=FreezesAnswer,
        summary="List freezes that hold or are to come.",
    ),
    Route(
        method="POST", path=f"{PLACE}/freezes", permission=Permission.FREEZE, answer=_declare, takes=FreezeBody,
        gives=DoneAnswer, status=201, about=f"{PLACE}/freezes", summary="Declare a freeze.",
    ),
    Route(
        method="POST", path=f"{PLACE}/freezes/lift", permission=Permission.FREEZE, answer=_lift, takes=LiftBody,
        gives=DoneAnswer, about=f"{PLACE}/freezes", summary="End a freeze now.",
    ),
    Route(
        method="GET", path=f"{PLACE}/hosts", permission=Permission.READ, answer=_hosts, gives=HostsOutput,
        summary="Show each host of an environment.",
    ),
    Route(
        method="GET", path=f"{PLACE}/dora", permission=Permission.READ, answer=_dora, query=PeriodQuery,
        gives=DoraOutput, summary="Show DORA's metrics of an environment.",
    ),
    Route(
        method="GET", path=f"{PLACE}/forecasts", permission=Permission.READ, answer=_forecasts, gives=ForecastsOutput,
        summary="Show forecasts of risk and what became of the releases of an environment.",
    ),
)  # fmt: skip
