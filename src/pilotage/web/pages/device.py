"""The page on which a person lets a command line act for them."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import devices
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Query, Route


class CodeQuery(Query, frozen=True, kw_only=True):
    """code: as the command line shows it."""

    code: str = ""


def _show(asked: Asked) -> Response:
    code = asked.query_as(CodeQuery).code
    login = devices.waiting(asked.site.store, code) if code else None
    return page(asked, "device.html.j2", login=login, done="")


def _decide(asked: Asked) -> Response:
    code = asked.form.get("code", "")
    if asked.form.get("answer") == "allow":
        login = devices.allow(asked.site.store, asked.who, code)
        return page(asked, "device.html.j2", login=login, done="allowed")
    login = devices.waiting(asked.site.store, code)
    devices.deny(asked.site.store, code)
    return page(asked, "device.html.j2", login=login, done="refused")


ROUTES = (
    Route(
        method="GET", path="/login/device", permission=Audience.SIGNED_IN, answer=_show, kind=Kind.PAGE,
        query=CodeQuery, summary="Let a command line act for you.",
    ),
    Route(
        method="POST", path="/login/device", permission=Audience.SIGNED_IN, answer=_decide, kind=Kind.FORM,
        summary="Say yes or no to a command line.",
    ),
)  # fmt: skip
