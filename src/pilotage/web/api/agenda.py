"""The calendar, and what went wrong everywhere, as far as the reader may see it."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.responses import Response

from pilotage.app.agenda import agenda_of, local_today
from pilotage.app.trouble import trouble
from pilotage.model.errors import Invalid
from pilotage.model.output.agenda import AgendaOutput
from pilotage.model.output.rollouts import HistoryOutput
from pilotage.render.agenda import agenda_output
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.api.wishes import Text
from pilotage.web.cursor import PageQuery, link, part_of
from pilotage.web.route import Asked, Audience, Query, Route

_LONGEST = timedelta(days=366)
_YEARS = range(2000, 2100)


class AgendaQuery(Query, frozen=True, kw_only=True):
    """first: day; today, where left out · last: the last day; a month after the first, where left out · service: only
    this one."""

    first: date | None = None
    last: date | None = None
    service: Text = ""


class IncidentPage(HistoryOutput, frozen=True, kw_only=True):
    """Rollouts that were rolled back or failed, newest first."""

    next: str
    """For `after`; empty on the last page."""


def _agenda(asked: Asked) -> Response:
    query = asked.query_as(AgendaQuery)
    first = query.first or local_today(asked.project)
    if first.year not in _YEARS:
        raise Invalid(f"{first} is not between 2000 and 2099")
    last = query.last or first + timedelta(days=31)
    if not first <= last <= first + _LONGEST:
        raise Invalid("the last day is on the first one or later, and at most a year after it")
    return json_answer(agenda_output(agenda_of(asked.project, first, last, asked.sees, query.service)))


def _incidents(asked: Asked) -> Response:
    every = trouble(asked.project, asked.sees).incidents
    shown, following = part_of(every, asked.query_as(PageQuery), lambda one: one.id)
    views = asked.site.store.live_views([one.id for one in shown])
    answer = IncidentPage(rollouts=rollout_outputs(shown, views), next=following)
    return json_answer(answer, headers=link(asked, following))


ROUTES = (
    Route(
        method="GET", path="/api/v1/calendar", permission=Audience.SIGNED_IN, answer=_agenda, query=AgendaQuery,
        gives=AgendaOutput, summary="List releases, freezes, windows, meetings and trains between two days.",
    ),
    Route(
        method="GET", path="/api/v1/incidents", permission=Audience.SIGNED_IN, answer=_incidents, query=PageQuery,
        gives=IncidentPage, summary="List the newest rollouts that were rolled back or failed.",
    ),
)  # fmt: skip
