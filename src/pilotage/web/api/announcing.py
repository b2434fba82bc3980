"""Announcements of a release: read one as it would go out, edit, approve, send, skip it; answers of key accounts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from pilotage.app import outreach
from pilotage.app.announcement_page import (
    AnnouncementDeed,
    AnnouncementWish,
    announcement_view,
    announcements_view,
    carry_out,
)
from pilotage.app.announcement_tracking import track
from pilotage.app.announcements import UnknownAnnouncement
from pilotage.app.permissions import Permission
from pilotage.model.output.base import Output
from pilotage.model.output.records import AccountsOutput, AnnouncementOutput, AnnouncementsOutput
from pilotage.render.announcement import template_of
from pilotage.render.announcement_list import output_of
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import PlanBody, Text, Version, VersionQuery, Words, near, planned_by
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Body, Query, Route

_ALL = f"{PLACE}/announcements"
_ONE = f"{_ALL}/{{item}}"


class AccountsQuery(Query, frozen=True, kw_only=True):
    """version: of the release."""

    version: Version


class DeedBody(Body, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · seen: of the
    announcement as you read it; where it has changed since, nothing is done."""

    version: Version
    day: date | None = None
    seen: Text


class EditBody(DeedBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · seen: of the
    announcement as you read it; where it has changed since, nothing is done · text: that replaces the present one."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=200_000)]


class SendBody(DeedBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · seen: of the
    announcement as you read it; where it has changed since, nothing is done · at: not before this time in the release's
    zone, such as `2026-12-01T09:00`; empty for now · on: the moment of the release that it waits for."""

    at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    on: Literal["", "start", "completed"] = ""


class SkipBody(DeedBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · seen: of the
    announcement as you read it; where it has changed since, nothing is done · reason: stored with the release."""

    reason: Words


class AnswerBody(Body, frozen=True, kw_only=True):
    """version: of the release · answer: of the account, in short."""

    version: Version
    answer: Words


class AnnouncementAnswer(Output, frozen=True, kw_only=True):
    """An announcement as it would go out now."""

    announcement: AnnouncementOutput
    text: str
    """With the facts that are known now."""
    untrue: str
    """Why it cannot be sent as it is; empty if it can."""
    may: tuple[str, ...]
    """What its state allows: `edit`, `approve`, `send`, `skip`."""
    seen: str
    """Names its text and state, for whoever changes it."""


class TrackedAnswer(Output, frozen=True, kw_only=True):
    """Announcements of which owners are reminded."""

    new: int
    """How many were not tracked before."""
    again: tuple[str, ...]
    """Those that told an old date, and go out with the new one."""
    rewrite: tuple[str, ...]
    """Those that told an old date in a person's words: edit them."""


class TemplateAnswer(Output, frozen=True, kw_only=True):
    """A template that Pilotage ships."""

    text: str
    """Jinja."""


def _day(about: VersionQuery | DeedBody) -> str:
    day = near(about.day)
    return day.isoformat() if day else ""


def _list(asked: Asked) -> Response:
    query = asked.query_as(VersionQuery)
    view = announcements_view(asked.project, asked.params["environment"], query.version, _day(query))
    now = asked.project.clock.now()
    return json_answer(
        AnnouncementsOutput(version=query.version, announcements=tuple(output_of(one, now) for one in view.found))
    )


def _one(asked: Asked) -> Response:
    query = asked.query_as(VersionQuery)
    wanted = (query.version, _day(query))
    try:
        view = announcement_view(asked.project, asked.params["environment"], wanted, asked.params["item"])
    except UnknownAnnouncement as error:
        raise NotFound(str(error)) from None
    answer = AnnouncementAnswer(
        announcement=output_of(view.one, asked.project.clock.now()), text=view.text, untrue=view.untrue,
        may=tuple(one.value for one in view.deeds), seen=view.seen,
    )  # fmt: skip
    return json_answer(answer, headers={"ETag": f'"{view.seen}"'})


def _deed(deed: AnnouncementDeed, takes: type[DeedBody], summary: str) -> Route:
    def answer(asked: Asked) -> Response:
        body = asked.body_as(takes)
        wish = AnnouncementWish(
            environment=asked.params["environment"], version=body.version, item=asked.params["item"], day=_day(body),
            seen=body.seen, text=getattr(body, "text", ""), at=getattr(body, "at", ""), on=getattr(body, "on", ""),
            reason=getattr(body, "reason", ""),
        )  # fmt: skip
        try:
            carry_out(asked.project, asked.who.name, deed, wish)
            view = announcement_view(asked.project, wish.environment, (wish.version, wish.day), wish.item)
        except UnknownAnnouncement as error:
            raise NotFound(str(error)) from None
        return json_answer(output_of(view.one, asked.project.clock.now()))

    return Route(
        method="POST", path=f"{_ONE}/{deed.value}", permission=deed.permission, answer=answer, takes=takes,
        gives=AnnouncementOutput, about=_ONE, summary=summary,
    )  # fmt: skip


def _track(asked: Asked) -> Response:
    found = track(asked.project, asked.who.name, planned_by(asked, asked.body_as(PlanBody)))
    asked.project.ensure_worker()
    return json_answer(TrackedAnswer(new=found.new, again=found.again, rewrite=found.rewrite))


def _accounts(asked: Asked) -> Response:
    version = asked.query_as(AccountsQuery).version
    found = outreach.accounts_of(asked.project, asked.params["environment"], version)
    return json_answer(outreach.accounts_output(version, found))


def _answered(asked: Asked) -> Response:
    body, environment = asked.body_as(AnswerBody), asked.params["environment"]
    outreach.note_answer(
        asked.project, asked.who.name, environment, body.version, asked.params["account"], body.answer
    )  # fmt: skip
    found = outreach.accounts_of(asked.project, environment, body.version)
    return json_answer(outreach.accounts_output(body.version, found))


def _template(asked: Asked) -> Response:
    return json_answer(TemplateAnswer(text=template_of(asked.params["item"])))


ROUTES = (
    Route(
        method="GET", path=_ALL, permission=Permission.READ, answer=_list, query=VersionQuery,
        gives=AnnouncementsOutput, summary="List the announcements of a version with their state.",
    ),
    Route(
        method="POST", path=f"{_ALL}/track", permission=Permission.ANNOUNCE, answer=_track, takes=PlanBody,
        gives=TrackedAnswer, summary="Remind owners of overdue announcements of a version.",
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, query=VersionQuery,
        gives=AnnouncementAnswer, summary="Show an announcement as it would go out now.",
    ),
    _deed(AnnouncementDeed.EDIT, EditBody, "Replace the text of an announcement; its owner approves it again."),
    _deed(AnnouncementDeed.APPROVE, DeedBody, "Approve the announcement that you read."),
    _deed(AnnouncementDeed.SEND, SendBody, "Send an announcement now, at a time, or with its release."),
    _deed(AnnouncementDeed.SKIP, SkipBody, "Skip an announcement for this release."),
    Route(
        method="GET", path=f"{PLACE}/accounts", permission=Permission.READ, answer=_accounts, query=AccountsQuery,
        gives=AccountsOutput, summary="List key accounts: who has a version's message, and who answered.",
    ),
    Route(
        method="POST", path=f"{PLACE}/accounts/{{account}}/answer", permission=Permission.ANNOUNCE,
        answer=_answered, takes=AnswerBody, gives=AccountsOutput, about=f"{PLACE}/accounts",
        summary="Note what a key account answered about a version.",
    ),
    Route(
        method="GET", path="/api/v1/announcement-templates/{item}", permission=Audience.SIGNED_IN, answer=_template,
        gives=TemplateAnswer, summary="Show the template of an announcement that Pilotage ships.",
    ),
)  # fmt: skip
