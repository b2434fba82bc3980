"""Announcements of a release: which there are, and one to edit, approve, send, schedule or skip."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from pilotage.app.announcement_page import (
    AnnouncementDeed,
    AnnouncementWish,
    TextMoved,
    announcement_view,
    announcements_view,
    carry_out,
)
from pilotage.app.announcements import UnknownAnnouncement
from pilotage.app.permissions import Permission
from pilotage.model.announcement import Announced
from pilotage.model.errors import PilotageError
from pilotage.model.output.records import AnnouncementsOutput
from pilotage.render.announcement_list import output_of, state_of
from pilotage.web.answers import json_answer
from pilotage.web.pages.choosing import choose_version
from pilotage.web.pages.page import page
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Kind, Query, Route


class VersionQuery(Query, frozen=True, kw_only=True):
    """version: empty to choose one · date: on which all users have it; empty for a plan without a date."""

    version: str = ""
    date: str = ""


def _list(asked: Asked) -> Response:
    service, environment, version, day = _where(asked)
    if not version:
        return choose_version(asked, "Announcements", "announcements")
    try:
        view = announcements_view(asked.project, environment, version, day)
    except (PilotageError, ValueError) as error:
        return choose_version(asked, "Announcements", "announcements", str(error), 400)
    now = asked.project.clock.now()
    return page(
        asked, "announcements.html.j2", view=view, service=service, environment=environment, version=version, day=day,
        state=lambda one: state_of(one, now, asked.site.zone), kind=lambda one: _kind(one, now),
    )  # fmt: skip


def _kind(one: Announced, now: float) -> str:
    """The pill's class."""
    if one.overdue(now):
        return "bad"
    return {"sent": "good", "draft": "wait", "approved": "live", "withdrawn": "bad", "skipped": "none"}.get(
        one.state.value, "plan"
    )


def _json(asked: Asked) -> Response:
    _, environment, version, day = _where(asked)
    found, now = announcements_view(asked.project, environment, version, day).found, asked.project.clock.now()
    return json_answer(
        AnnouncementsOutput(version=version, announcements=tuple(output_of(one, now) for one in found))
    )  # fmt: skip


def _where(asked: Asked) -> tuple[str, str, str, str]:
    """Service, environment, version, and day or nothing."""
    version, day = asked.form.get("version", ""), asked.form.get("date", "")
    if isinstance(asked.query, VersionQuery):
        version, day = asked.query.version, asked.query.date
    return asked.params["service"], asked.params["environment"], version.strip(), day


def _one(asked: Asked, status: int = 200, said: str = "", text: str | None = None) -> Response:
    """text: that a person wrote and that could not be kept."""
    service, environment, version, day = _where(asked)
    try:
        view = announcement_view(asked.project, environment, (version, day), asked.params["item"])
    except UnknownAnnouncement as error:
        raise NotFound(str(error)) from None
    now = asked.project.clock.now()
    return page(
        asked, "announcement.html.j2", status, view=view, service=service, environment=environment, version=version,
        said=said, text=view.text if text is None else text, state=state_of(view.one, now, asked.site.zone),
        kind=_kind(view.one, now), day=day,
        deeds=[one.value for one in view.deeds if asked.may(one.permission, service, environment)],
    )  # fmt: skip


def _carried_out(deed: AnnouncementDeed) -> Callable[[Asked], Response]:
    def answer(asked: Asked) -> Response:
        service, environment, version, day = _where(asked)
        form, item = asked.form, asked.params["item"]
        wish = AnnouncementWish(
            environment=environment, version=version, item=item, day=day, seen=form.get("seen", ""),
            text=form.get("text", ""), at=form.get("at", ""), on=form.get("on", ""),
            reason=form.get("reason", "").strip()[:500],
        )  # fmt: skip
        written = form.get("text") if deed is AnnouncementDeed.EDIT else None
        try:
            carry_out(asked.project, asked.who.name, deed, wish)
        except UnknownAnnouncement as error:
            raise NotFound(str(error)) from None
        except TextMoved as moved:
            return _one(asked, 412, str(moved), written)
        except PilotageError as error:
            if error.http_status == 403:
                raise
            return _one(asked, error.http_status, str(error), written)
        here = f"{asked.site.root}/services/{service}/{environment}/announcements/{item}"
        return RedirectResponse(f"{here}?{urlencode({'version': version, 'date': day})}", 303)

    return answer


_PLACE = "/services/{service}/{environment}/announcements"
_SUMMARIES = {
    AnnouncementDeed.EDIT: "Replace the text of an announcement.",
    AnnouncementDeed.APPROVE: "Approve the announcement that the person saw.",
    AnnouncementDeed.SEND: "Send an announcement now, at a time, or with its release.",
    AnnouncementDeed.SKIP: "Skip an announcement for this release.",
}

ROUTES = (
    Route(
        method="GET", path=_PLACE, permission=Permission.READ, answer=_list, kind=Kind.PAGE, query=VersionQuery,
        summary="Announcements of a version with their state.",
    ),
    Route(
        method="GET", path=f"{_PLACE}.json", permission=Permission.READ, answer=_json, kind=Kind.PAGE,
        query=VersionQuery, summary="Announcements of a version as JSON.", gives=AnnouncementsOutput,
    ),
    Route(
        method="GET", path=f"{_PLACE}/{{item}}", permission=Permission.READ, answer=_one, kind=Kind.PAGE,
        query=VersionQuery, summary="One announcement with its text.",
    ),
    *(
        Route(
            method="POST", path=f"{_PLACE}/{{item}}/{deed.value}", permission=deed.permission,
            answer=_carried_out(deed), kind=Kind.FORM, summary=summary,
        )
        for deed, summary in _SUMMARIES.items()
    ),
)  # fmt: skip
