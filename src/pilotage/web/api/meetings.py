"""Meetings about releases: when they are, who was there, and what came of them."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from pilotage.app import meeting_commands as meetings
from pilotage.app.permissions import Permission
from pilotage.model.output.records import MeetingsOutput
from pilotage.web.answers import json_answer
from pilotage.web.api.conversations import ReceivedAnswer, number_of
from pilotage.web.api.wishes import Items, Moment, moment_of
from pilotage.web.cursor import PageQuery, link, part_of
from pilotage.web.route import Asked, Body, Route

_ALL = "/api/v1/services/{service}/meetings"
_ONE = f"{_ALL}/{{number}}"


class MeetingsQuery(PageQuery, frozen=True, kw_only=True):
    """every: also those that are over or were cancelled · after: `next` of the page before · limit: most entries of a
    page."""

    every: bool = False


class MoveBody(Body, frozen=True, kw_only=True):
    """begins: the new time; without a zone, in the calendar's."""

    begins: Moment


class AttendedBody(Body, frozen=True, kw_only=True):
    """attended: who was there · absent: who was not."""

    attended: Items = ()
    absent: Items = ()


class MinutesBody(Body, frozen=True, kw_only=True):
    """minutes: that replace those before."""

    minutes: Annotated[str, msgspec.Meta(min_length=1, max_length=200_000)]


class MeetingPage(MeetingsOutput, frozen=True, kw_only=True):
    """Meetings, in the order in which they begin."""

    next: str
    """For `after`; empty on the last page."""


def _listed(asked: Asked) -> Response:
    query = asked.query_as(MeetingsQuery)
    every = meetings.meetings_here(asked.project, everything=query.every)
    shown, following = part_of(every, query, lambda one: one.id)
    answer = MeetingPage(meetings=meetings.meetings_output(shown).meetings, next=following)
    return json_answer(answer, headers=link(asked, following))


def _done(asked: Asked) -> Response:
    return json_answer(ReceivedAnswer(number=number_of(asked)))


def _cancel(asked: Asked) -> Response:
    meetings.cancel(asked.project, asked.who.name, number_of(asked))
    return _done(asked)


def _move(asked: Asked) -> Response:
    begins = moment_of(asked.body_as(MoveBody).begins, "begins")
    if begins.tzinfo is not None:
        begins = begins.astimezone(ZoneInfo(asked.project.loaded.configuration.calendar.timezone)).replace(tzinfo=None)
    meetings.move(asked.project, asked.who.name, number_of(asked), begins)
    return _done(asked)


def _attended(asked: Asked) -> Response:
    body = asked.body_as(AttendedBody)
    meetings.note_attendance(asked.project, asked.who.name, number_of(asked), body.attended, body.absent)
    return _done(asked)


def _minutes(asked: Asked) -> Response:
    meetings.note_minutes(asked.project, asked.who.name, number_of(asked), asked.body_as(MinutesBody).minutes)
    return _done(asked)


ROUTES = (
    Route(
        method="GET", path=_ALL, permission=Permission.READ, answer=_listed, query=MeetingsQuery, gives=MeetingPage,
        summary="List meetings with their guests and minutes.",
    ),
    Route(
        method="POST", path=f"{_ONE}/cancel", permission=Permission.MEET, answer=_cancel, gives=ReceivedAnswer,
        about=_ALL, summary="Cancel a meeting.",
    ),
    Route(
        method="POST", path=f"{_ONE}/move", permission=Permission.MEET, answer=_move, takes=MoveBody,
        gives=ReceivedAnswer, about=_ALL, summary="Move a meeting.",
    ),
    Route(
        method="POST", path=f"{_ONE}/attendance", permission=Permission.MEET, answer=_attended, takes=AttendedBody,
        gives=ReceivedAnswer, about=_ALL, summary="Record who attended a meeting.",
    ),
    Route(
        method="POST", path=f"{_ONE}/minutes", permission=Permission.MEET, answer=_minutes, takes=MinutesBody,
        gives=ReceivedAnswer, about=_ALL, summary="Record the minutes of a meeting.",
    ),
)  # fmt: skip
