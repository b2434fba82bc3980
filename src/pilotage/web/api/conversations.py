"""What people tell each other: messages and channels, reports of users, follow-up actions, meetings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from pilotage.app import followups, harm, meeting_commands
from pilotage.app.channels import overview, overview_output, send_again
from pilotage.app.permissions import Permission
from pilotage.model.followup import FollowUp
from pilotage.model.output.base import Output
from pilotage.model.output.feedback import UserReportsOutput
from pilotage.model.output.records import FollowUpOutput, FollowUpsOutput, MeetingsOutput, NotifyOutput
from pilotage.render.reports import reports_output
from pilotage.web.answers import json_answer
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Body, Query, Route

_SERVICE = "/api/v1/services/{service}"
Text = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]


class MessagesQuery(Query, frozen=True, kw_only=True):
    """limit: most messages, newest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class RetryBody(Body, frozen=True, kw_only=True):
    """channel: whose messages are tried again; empty for all."""

    channel: Text = ""


class RetryAnswer(Output, frozen=True, kw_only=True):
    """How many messages are tried again."""

    messages: int
    """Number of them."""


class FollowUpBody(Body, frozen=True, kw_only=True):
    """description: what is to be done · owner: who does it · due: the day · criterion: when it is done · priority: how
    urgent it is · release: the version that it comes from."""

    description: Long
    owner: Text
    due: date
    criterion: Long
    priority: Literal["high", "medium", "low"] = "medium"
    release: Text = ""


class OutcomeBody(Body, frozen=True, kw_only=True):
    """outcome: what came of it."""

    outcome: Long


class DecisionBody(Body, frozen=True, kw_only=True):
    """reason: of the decision."""

    reason: Long


class MoveBody(Body, frozen=True, kw_only=True):
    """begins: the new time, in the calendar's zone."""

    begins: datetime


class ReportsQuery(Query, frozen=True, kw_only=True):
    """version: only about this one · every: also those that were decided."""

    version: Text = ""
    every: bool = False


class ReceivedAnswer(Output, frozen=True, kw_only=True):
    """What was recorded."""

    number: int
    """By which it is called."""


def _messages(asked: Asked) -> Response:
    health, letters = overview(asked.project, asked.query_as(MessagesQuery).limit)
    return json_answer(overview_output(health, letters))


def _retry(asked: Asked) -> Response:
    count = send_again(asked.project, asked.who.name, asked.body_as(RetryBody).channel or None)
    return json_answer(RetryAnswer(messages=count))


def _followups(asked: Asked) -> Response:
    today = asked.project.today.isoformat()
    found = followups.actions_here(asked.project, open_only=False)
    items = tuple(FollowUpOutput(**vars(one), overdue=one.overdue(today)) for one in found)
    return json_answer(FollowUpsOutput(followups=items))


def _add(asked: Asked) -> Response:
    body = asked.body_as(FollowUpBody)
    action = FollowUp(
        0, body.description, body.owner, body.due.isoformat(), body.criterion, body.priority, body.release
    )  # fmt: skip
    return json_answer(ReceivedAnswer(number=followups.add_followup(asked.project, asked.who.name, action)), 201)


def _number(asked: Asked) -> int:
    text = asked.params["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"there is no number {text[:50]!r}")
    return int(text)


def _finish(asked: Asked) -> Response:
    followups.finish(asked.project, asked.who.name, _number(asked), asked.body_as(OutcomeBody).outcome)
    return json_answer(ReceivedAnswer(number=_number(asked)))


def _meetings(asked: Asked) -> Response:
    return json_answer(
        meeting_commands.meetings_output(meeting_commands.meetings_here(asked.project, everything=False))
    )


def _cancel(asked: Asked) -> Response:
    meeting_commands.cancel(asked.project, asked.who.name, _number(asked))
    return json_answer(ReceivedAnswer(number=_number(asked)))


def _move(asked: Asked) -> Response:
    meeting_commands.move(asked.project, asked.who.name, _number(asked), asked.body_as(MoveBody).begins)
    return json_answer(ReceivedAnswer(number=_number(asked)))


def _reports(asked: Asked) -> Response:
    query = asked.query_as(ReportsQuery)
    return json_answer(reports_output(harm.harm_reports(asked.project, None, query.version, every=query.every)))


def _feedback(asked: Asked) -> Response:
    return json_answer(reports_output(harm.feedback(asked.project, None, asked.query_as(ReportsQuery).version)))


def _dismiss(asked: Asked) -> Response:
    harm.dismiss(asked.project, asked.who.name, _number(asked), asked.body_as(DecisionBody).reason)
    return json_answer(ReceivedAnswer(number=_number(asked)))


def _confirm(asked: Asked) -> Response:
    harm.confirm(asked.project, asked.who.name, _number(asked), asked.body_as(DecisionBody).reason)
    return json_answer(ReceivedAnswer(number=_number(asked)))


ROUTES = (
    Route(
        method="GET", path="/api/v1/messages", permission=Permission.READ, answer=_messages, query=MessagesQuery,
        gives=NotifyOutput, summary="Show each channel and the newest messages.",
    ),
    Route(
        method="POST", path="/api/v1/messages/retry", permission=Permission.ANNOUNCE, answer=_retry, takes=RetryBody,
        gives=RetryAnswer, summary="Try failed messages again now.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/followups", permission=Permission.READ, answer=_followups,
        gives=FollowUpsOutput, summary="List follow-up actions.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/followups", permission=Permission.FOLLOW_UP, answer=_add,
        takes=FollowUpBody, gives=ReceivedAnswer, status=201, summary="Add a follow-up action.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/followups/{{number}}/done", permission=Permission.FOLLOW_UP,
        answer=_finish, takes=OutcomeBody, gives=ReceivedAnswer, summary="Finish a follow-up action.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/meetings", permission=Permission.READ, answer=_meetings,
        gives=MeetingsOutput, summary="List meetings to come.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/meetings/{{number}}/cancel", permission=Permission.MEET, answer=_cancel,
        gives=ReceivedAnswer, summary="Cancel a meeting.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/meetings/{{number}}/move", permission=Permission.MEET, answer=_move,
        takes=MoveBody, gives=ReceivedAnswer, summary="Move a meeting.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/reports", permission=Permission.READ, answer=_reports, query=ReportsQuery,
        gives=UserReportsOutput, summary="List problems that users reported.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/feedback", permission=Permission.READ, answer=_feedback, query=ReportsQuery,
        gives=UserReportsOutput, summary="List users' feedback.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/reports/{{number}}/dismiss", permission=Permission.DECIDE_REPORT,
        answer=_dismiss, takes=DecisionBody, gives=ReceivedAnswer, summary="Dismiss a user's report.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/reports/{{number}}/confirm", permission=Permission.DECIDE_REPORT,
        answer=_confirm, takes=DecisionBody, gives=ReceivedAnswer, summary="Confirm a user's report.",
    ),
)  # fmt: skip
