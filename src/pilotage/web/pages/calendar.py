"""The calendar: a month or a week of releases, freezes, windows, meetings and trains, what collides, and a feed for
calendar programs."""

from __future__ import annotations

import calendar as days_of
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from starlette.responses import RedirectResponse, Response

from pilotage.app import freezes
from pilotage.app.agenda import agenda_of, local_today
from pilotage.app.identity.calendar_feed import feed_since, make_feed, reader_of, revoke_feed
from pilotage.app.permissions import Permission
from pilotage.app.roles import Eyes
from pilotage.model.actor import ActorKind
from pilotage.model.agenda import Agenda, AgendaEntry
from pilotage.model.errors import Invalid
from pilotage.model.output.agenda import AgendaOutput
from pilotage.render.agenda import agenda_output, to_feed
from pilotage.web.answers import json_answer
from pilotage.web.pages.freezing import freeze_request
from pilotage.web.pages.page import page
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Query, Route, Sharing

_ON_A_DAY = 6
"""Entries of a day in a month; a week shows all."""

_BACK, _AHEAD = timedelta(days=31), timedelta(days=183)
"""What a feed has, around today."""


class View(StrEnum):
    MONTH = "month"
    WEEK = "week"


class CalendarQuery(Query, frozen=True, kw_only=True):
    """day: any day of what is shown, as YYYY-MM-DD; today where it is empty · service: only this one."""

    view: View = View.MONTH
    day: str = ""
    service: str = ""


class NoDay(Invalid):
    """A day of the calendar is not written as one, or is too far away."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """here: whether it is of the month shown · more: entries that are left out."""

    day: date
    today: bool
    here: bool
    frozen: bool
    entries: tuple[AgendaEntry, ...]
    more: int


def _shown_day(asked: Asked) -> date:
    text = asked.query_as(CalendarQuery).day
    if not text:
        return local_today(asked.project)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise NoDay(f"{text!r} is not a day: write it as 2026-12-01") from None
    if not 2000 <= found.year <= 2099:
        raise NoDay(f"{found} is not between 2000 and 2099")
    return found


def _span(view: View, day: date) -> tuple[date, date]:
    """Whole weeks, from Monday."""
    if view is View.WEEK:
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    last = day.replace(day=days_of.monthrange(day.year, day.month)[1])
    begin = day.replace(day=1)
    return begin - timedelta(days=begin.weekday()), last + timedelta(days=6 - last.weekday())


def _beside(view: View, day: date) -> tuple[date, date]:
    """A day of the week or month before, and of the one after."""
    if view is View.WEEK:
        return day - timedelta(days=7), day + timedelta(days=7)
    return day.replace(day=1) - timedelta(days=1), day.replace(day=28) + timedelta(days=7)


def _agenda(asked: Asked) -> Agenda:
    query = asked.query_as(CalendarQuery)
    return agenda_of(asked.project, *_span(query.view, _shown_day(asked)), asked.sees, query.service)


def _weeks(agenda: Agenda, view: View, month: int, today: date) -> Iterator[tuple[Day, ...]]:
    most = _ON_A_DAY if view is View.MONTH else 1000
    day = agenda.first
    while day <= agenda.last:
        week = [day + timedelta(days=number) for number in range(7)]
        yield tuple(_day(agenda, one, most, today, here=view is View.WEEK or one.month == month) for one in week)
        day += timedelta(days=7)


def _day(agenda: Agenda, day: date, most: int, today: date, *, here: bool) -> Day:
    found = agenda.on(day)
    return Day(
        day=day, today=day == today, here=here, entries=found[:most], more=max(0, len(found) - most),
        frozen=any(entry.kind.value == "freeze" and not entry.service for entry in found),
    )  # fmt: skip


def _page(asked: Asked, secret: str = "") -> Response:
    query, day, today = asked.query_as(CalendarQuery), _shown_day(asked), local_today(asked.project)
    agenda = agenda_of(asked.project, *_span(query.view, day), asked.sees, query.service)
    before, after = _beside(query.view, day)
    names = asked.project.names.environments
    places = [(service, name) for service, known in names.items() for name in known if asked.sees(service, name)]
    return page(
        asked, "calendar.html.j2", agenda=agenda, weeks=tuple(_weeks(agenda, query.view, day.month, today)),
        query=query, day=day, before=before, after=after, secret=secret,
        services=tuple(dict.fromkeys(service for service, _ in places)),
        freezable=[one for one in places if asked.may(Permission.FREEZE, *one)],
        held=[one for one in agenda.entries if one.kind.value == "freeze"], may_freeze=_may_freeze(asked),
        feed=feed_since(asked.site.store, asked.who), has_feed=asked.who.kind is ActorKind.PERSON,
    )  # fmt: skip


def _may_freeze(asked: Asked) -> frozenset[tuple[str, str]]:
    names = asked.project.names.environments
    return frozenset(
        (service, name) for service, known in names.items() for name in known
        if asked.may(Permission.FREEZE, service, name)
    )  # fmt: skip


def _json(asked: Asked) -> Response:
    return json_answer(agenda_output(_agenda(asked)))


def _declare(asked: Asked) -> Response:
    service, _, environment = asked.form.get("place", "").partition("/")
    known = asked.project.names.environments
    if environment not in known.get(service, ()):
        raise NotFound(f"there is no environment {asked.form.get('place', '')!r}")
    project = asked.site.for_(asked.who, service)
    freezes.declare(project, asked.who.name, freeze_request(asked.form, environment))
    return RedirectResponse(f"{asked.site.root}/calendar", 303)


# ── the feed ───────────────────────────────────────────────────────────────────────────────────────────────


def _make_feed(asked: Asked) -> Response:
    secret = make_feed(asked.site.store, asked.who)
    base = str(asked.request.base_url).rstrip("/")
    return page(asked, "calendar_feed.html.j2", address=f"{base}{asked.site.root}/calendar/{secret}.ics")


def _revoke_feed(asked: Asked) -> Response:
    revoke_feed(asked.site.store, asked.who)
    return RedirectResponse(f"{asked.site.root}/calendar#feed", 303)


def _feed(asked: Asked) -> Response:
    reader = reader_of(asked.site.store, asked.params["secret"])
    if reader is None:
        raise NotFound("there is no calendar at this address: its link was revoked, or has expired")
    project = asked.site.for_(reader)
    eyes = Eyes(identity=reader, custom=asked.site.store.persons.custom_roles())
    today = local_today(project)
    agenda = agenda_of(project, today - _BACK, today + _AHEAD, eyes.sees)
    body = to_feed(agenda, f"Releases, for {reader.name}", project.moment)
    return Response(
        body, media_type="text/calendar", headers={"Content-Disposition": 'inline; filename="releases.ics"'}
    )


ROUTES = (
    Route(
        method="GET", path="/calendar", permission=Audience.SIGNED_IN, answer=_page, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        query=CalendarQuery, summary="A month or a week of releases, freezes, windows, meetings and trains.",
    ),
    Route(
        method="GET", path="/calendar.json", permission=Audience.SIGNED_IN, answer=_json, kind=Kind.PAGE,
        shared=Sharing.ROLES,
        query=CalendarQuery, summary="A month or a week of the calendar as JSON.", gives=AgendaOutput,
    ),
    Route(
        method="POST", path="/calendar/freezes", permission=Audience.SIGNED_IN, answer=_declare, kind=Kind.FORM,
        summary="Declare a freeze of the environment that the form names.",
    ),
    Route(
        method="POST", path="/calendar/feed", permission=Audience.SIGNED_IN, answer=_make_feed, kind=Kind.FORM,
        summary="Make a secret address of the calendar, in place of the one before.",
    ),
    Route(
        method="POST", path="/calendar/feed/revoke", permission=Audience.SIGNED_IN, answer=_revoke_feed,
        kind=Kind.FORM, summary="Revoke the secret address of the calendar.",
    ),
    Route(
        method="GET", path="/calendar/{secret}.ics", permission=Audience.ANYONE, answer=_feed, kind=Kind.PAGE,
        summary="A person's calendar for programs that cannot sign in.",
    ),
)  # fmt: skip
