"""Reports: DORA's figures of an environment, each with the rollouts behind it."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.permissions import Permission
from pilotage.app.report_page import DoraView, as_csv, dora_view, forecasts_output, reported
from pilotage.model.output.forecasts import ForecastsOutput
from pilotage.model.output.reports import DoraOutput
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Query, Route, Sharing


class PeriodQuery(Query, frozen=True, kw_only=True):
    """since: a day, or so long ago, such as 30d · until: the last day; today where it is empty."""

    since: str = "30d"
    until: str = ""


def _list(asked: Asked) -> Response:
    return page(asked, "reports.html.j2", listed=reported(asked.project, asked.sees))


def _view(asked: Asked) -> DoraView:
    query = asked.query_as(PeriodQuery)
    return dora_view(asked.project, asked.params["environment"], query.since, query.until)


def _one(asked: Asked) -> Response:
    return page(asked, "report.html.j2", view=_view(asked), query=asked.query_as(PeriodQuery))


def _json(asked: Asked) -> Response:
    return json_answer(_view(asked).output)


def _forecasts(asked: Asked) -> Response:
    return json_answer(forecasts_output(asked.project, asked.params["environment"]))


def _csv(asked: Asked) -> Response:
    name = f"{asked.params['service']}-{asked.params['environment']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(_view(asked)), media_type="text/csv", headers=headers)


_ONE = "/reports/{service}/{environment}"

ROUTES = (
    Route(
        method="GET", path="/reports", permission=Audience.SIGNED_IN, answer=_list, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        summary="Environments of which there are reports.",
    ),
    Route(
        method="GET", path=f"{_ONE}.json", permission=Permission.READ, answer=_json, kind=Kind.PAGE,
        query=PeriodQuery, shared=Sharing.IDENTITY, summary="DORA's figures of a period as JSON.", gives=DoraOutput,
    ),
    Route(
        method="GET", path=f"{_ONE}/forecasts.json", permission=Permission.READ, answer=_forecasts, kind=Kind.PAGE,
        summary="Forecasts of risk and what became of the releases, as JSON.", gives=ForecastsOutput,
    ),
    Route(
        method="GET", path=f"{_ONE}.csv", permission=Permission.READ, answer=_csv, kind=Kind.PAGE, query=PeriodQuery,
        summary="Rollouts of a period, and which figure counts each, as CSV.",
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, kind=Kind.PAGE, query=PeriodQuery,
        shared=Sharing.IDENTITY,
        summary="DORA's figures of a period with the rollouts behind each.",
    ),
)  # fmt: skip
