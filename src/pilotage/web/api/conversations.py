"""What people tell each other: messages and channels, reports of users, follow-up actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from pilotage.app import followups, harm
from pilotage.app.channels import overview, overview_output, send_again
from pilotage.app.permissions import Permission
from pilotage.model.followup import FollowUp
from pilotage.model.output.base import Output
from pilotage.model.output.feedback import UserReportsOutput
from pilotage.model.output.records import FollowUpOutput, FollowUpsOutput, NotifyOutput
from pilotage.model.report import Report
from pilotage.render.reports import reports_output
from pilotage.render.tasks import to_tasks
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import Text, Version, near
from pilotage.web.cursor import PageQuery, link, part_of
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Body, Pace, Query, Route, Turn

_SERVICE = "/api/v1/services/{service}"
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
    urgent it is · release: the version that it comes from · figure: DORA's metric that it is to improve."""

    description: Long
    owner: Text
    due: date
    criterion: Long
    priority: Literal["high", "medium", "low"] = "medium"
    release: Text = ""
    figure: Literal[
        "", "deployment-frequency", "change-lead-time", "change-fail-rate", "failed-deployment-recovery-time",
        "deployment-rework-rate",
    ] = ""  # fmt: skip


class OutcomeBody(Body, frozen=True, kw_only=True):
    """outcome: what came of it."""

    outcome: Long


class DecisionBody(Body, frozen=True, kw_only=True):
    """reason: of the decision."""

    reason: Long


class HarmBody(Body, frozen=True, kw_only=True):
    """version: that has the problem · text: what happened, without personal data · request: id of the request that
    failed."""

    version: Version
    text: Long
    request: Text = ""


class InviteBody(Body, frozen=True, kw_only=True):
    """count: number of links, one for each member."""

    count: Annotated[int, msgspec.Meta(ge=1, le=500)]


class ReportsQuery(PageQuery, frozen=True, kw_only=True):
    """version: only about this one · every: also those that were decided · after: `next` of the page before · limit:
    most entries of a page."""

    version: Text = ""
    every: bool = False


class FollowUpPage(FollowUpsOutput, frozen=True, kw_only=True):
    """Follow-up actions, in the order in which they are due."""

    next: str
    """For `after`; empty on the last page."""


class ReportPage(UserReportsOutput, frozen=True, kw_only=True):
    """Reports of users, newest first."""

    next: str
    """For `after`; empty on the last page."""


class InvitedAnswer(Output, frozen=True, kw_only=True):
    """Links to the team's survey."""

    links: tuple[str, ...]
    """Each works once."""


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
    every = followups.actions_here(asked.project, open_only=False)
    shown, following = part_of(every, asked.query_as(PageQuery), lambda one: one.id)
    items = tuple(FollowUpOutput(**vars(one), overdue=one.overdue(today)) for one in shown)
    return json_answer(FollowUpPage(followups=items, next=following), headers=link(asked, following))


def _tasks(asked: Asked) -> Response:
    found = followups.actions_here(asked.project, open_only=True)
    content = to_tasks(asked.params["service"], found, asked.project.moment)
    return Response(content, media_type="text/calendar")


def _add(asked: Asked) -> Response:
    body = asked.body_as(FollowUpBody)
    near(body.due)
    action = FollowUp(
        0, body.description, body.owner, body.due.isoformat(), body.criterion, body.priority, body.release,
        figure=body.figure,
    )  # fmt: skip
    return json_answer(ReceivedAnswer(number=followups.add_followup(asked.project, asked.who.name, action)), 201)


def number_of(asked: Asked) -> int:
    """Of the path. Raises NotFound."""
    text = asked.params["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"there is no number {text[:50]!r}")
    return int(text)


def _finish(asked: Asked) -> Response:
    followups.finish(asked.project, asked.who.name, number_of(asked), asked.body_as(OutcomeBody).outcome)
    return json_answer(ReceivedAnswer(number=number_of(asked)))


def _reports(asked: Asked) -> Response:
    query = asked.query_as(ReportsQuery)
    return _page(asked, harm.harm_reports(asked.project, None, query.version, every=query.every))


def _feedback(asked: Asked) -> Response:
    return _page(asked, harm.feedback(asked.project, None, asked.query_as(ReportsQuery).version))


def _page(asked: Asked, every: Sequence[Report]) -> Response:
    shown, following = part_of(every, asked.query_as(ReportsQuery), lambda one: one.id)
    answer = ReportPage(reports=reports_output(shown).reports, next=following)
    return json_answer(answer, headers=link(asked, following))


def _report(asked: Asked) -> Response:
    body, place = asked.body_as(HarmBody), asked.params["environment"]
    number = harm.report_harm(asked.project, asked.who.name, place, body.version, body.text, body.request)
    return json_answer(ReceivedAnswer(number=number), 201)


def _invite(asked: Asked) -> Response:
    count = asked.body_as(InviteBody).count
    return json_answer(InvitedAnswer(links=harm.invitations(asked.project, asked.who.name, count)), 201)


def _dismiss(asked: Asked) -> Response:
    harm.dismiss(asked.project, asked.who.name, number_of(asked), asked.body_as(DecisionBody).reason)
    return json_answer(ReceivedAnswer(number=number_of(asked)))


def _confirm(asked: Asked) -> Response:
    harm.confirm(asked.project, asked.who.name, number_of(asked), asked.body_as(DecisionBody).reason)
    return json_answer(ReceivedAnswer(number=number_of(asked)))


ROUTES = (
    Route(
        method="GET", path="/api/v1/messages", permission=Permission.READ, answer=_messages, query=MessagesQuery,
        gives=NotifyOutput, summary="Show each channel and the newest messages.",
    ),
    Route(
        method="POST", path="/api/v1/messages/retry", permission=Permission.CONFIGURE, answer=_retry, takes=RetryBody,
        gives=RetryAnswer, summary="Try failed messages again now.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/followups", permission=Permission.READ, answer=_followups,
        query=PageQuery, gives=FollowUpPage, summary="List follow-up actions.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/followups.ics", permission=Permission.READ, answer=_tasks,
        media="text/calendar", summary="Show open follow-up actions as calendar tasks.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/followups", permission=Permission.FOLLOW_UP, answer=_add,
        takes=FollowUpBody, gives=ReceivedAnswer, status=201, summary="Add a follow-up action.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/followups/{{number}}/done", permission=Permission.FOLLOW_UP,
        answer=_finish, takes=OutcomeBody, gives=ReceivedAnswer, about=f"{_SERVICE}/followups",
        summary="Finish a follow-up action.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/reports", permission=Permission.READ, answer=_reports, query=ReportsQuery,
        gives=ReportPage, summary="List problems that users reported.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/feedback", permission=Permission.READ, answer=_feedback, query=ReportsQuery,
        gives=ReportPage, summary="List users' feedback.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/reports/{{number}}/dismiss", permission=Permission.DECIDE_REPORT,
        answer=_dismiss, takes=DecisionBody, gives=ReceivedAnswer, about=f"{_SERVICE}/reports",
        summary="Dismiss a user's report.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/reports/{{number}}/confirm", permission=Permission.DECIDE_REPORT,
        pace=Pace.URGENT, answer=_confirm, takes=DecisionBody, gives=ReceivedAnswer, about=f"{_SERVICE}/reports",
        turn=Turn.IF_MATCH, summary="Confirm a user's report.",
    ),
    Route(
        method="POST", path=f"{PLACE}/reports", permission=Permission.REPORT, answer=_report, takes=HarmBody,
        gives=ReceivedAnswer, status=201, summary="Report a problem that a user told you about.",
    ),
    Route(
        method="POST", path=f"{_SERVICE}/feedback/invitations", permission=Permission.ANNOUNCE, answer=_invite,
        takes=InviteBody, gives=InvitedAnswer, status=201, secret=True,
        summary="Make links to the team's survey. They are shown this once.",
    ),
)  # fmt: skip
