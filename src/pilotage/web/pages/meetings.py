"""Meetings about releases of a service: when they are, who is invited, moved and cancelled; and its release train."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import RedirectResponse, Response

from pilotage.app.meeting_commands import cancel, meetings_here, meetings_output, move
from pilotage.app.permissions import Permission
from pilotage.app.trains import NoTrains, station
from pilotage.model.errors import Invalid
from pilotage.model.output.records import MeetingsOutput
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Kind, Route

_TRAINS = 8


class NoMoment(Invalid):
    """A form about a meeting names no time, or no meeting."""


def _meetings(asked: Asked) -> Response:
    service = asked.params["service"]
    found = meetings_here(asked.project, everything=False)
    return page(
        asked, "meetings.html.j2", service=service, meetings=found, may_meet=asked.may(Permission.MEET, service)
    )  # fmt: skip


def _json(asked: Asked) -> Response:
    return json_answer(meetings_output(meetings_here(asked.project, everything=False)))


def _number(asked: Asked) -> int:
    text = asked.params["number"]
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise NoMoment(f"{text[:20]!r} is no number of a meeting")
    return int(text)


def _move(asked: Asked) -> Response:
    text = asked.form.get("begins", "")
    try:
        begins = datetime.fromisoformat(text)
    except ValueError:
        raise NoMoment(f"{text[:40]!r} is not a time such as 2026-12-01T14:00") from None
    if not 1971 <= begins.year < 2199:
        raise NoMoment(f"{begins} is not between 1971 and 2199")
    move(asked.project, asked.who.name, _number(asked), begins.replace(tzinfo=None))
    return RedirectResponse(f"{asked.site.root}/meetings/{asked.params['service']}", 303)


def _cancel(asked: Asked) -> Response:
    cancel(asked.project, asked.who.name, _number(asked))
    return RedirectResponse(f"{asked.site.root}/meetings/{asked.params['service']}", 303)


def _trains(asked: Asked) -> Response:
    service, here, why = asked.params["service"], None, ""
    try:
        here = station(asked.project)
    except NoTrains as error:
        why = str(error)
    shown = [] if here is None else [(one, here.versions_on(one)) for one in here.upcoming[:_TRAINS]]
    return page(asked, "trains.html.j2", service=service, stop=here, shown=shown, why=why)


ROUTES = (
    Route(
        method="GET", path="/meetings/{service}.json", permission=Permission.READ, answer=_json, kind=Kind.PAGE,
        summary="Meetings about releases of a service, as JSON.", gives=MeetingsOutput,
    ),
    Route(
        method="GET", path="/meetings/{service}", permission=Permission.READ, answer=_meetings, kind=Kind.PAGE,
        summary="Meetings about releases of a service.",
    ),
    Route(
        method="POST", path="/meetings/{service}/{number}/move", permission=Permission.MEET, answer=_move,
        kind=Kind.FORM, summary="Put a meeting on another time; its guests are told.",
    ),
    Route(
        method="POST", path="/meetings/{service}/{number}/cancel", permission=Permission.MEET, answer=_cancel,
        kind=Kind.FORM, summary="Cancel a meeting; its guests are told.",
    ),
    Route(
        method="GET", path="/trains/{service}", permission=Permission.READ, answer=_trains, kind=Kind.PAGE,
        summary="The release train of a service: departures, cut-offs, and what boards.",
    ),
)  # fmt: skip
