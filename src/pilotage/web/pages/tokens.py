"""The page of tokens: make one, see when each was used, revoke it."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.access import tokens
from pilotage.app.access.grants_asked import read_grants
from pilotage.app.access.output import works
from pilotage.app.permissions import Permission
from pilotage.model.errors import PilotageError
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Route

_PATH = "/settings/tokens"


def _page(asked: Asked) -> Response:
    return _shown(asked)


def _shown(asked: Asked, text: str = "", error: str = "", status: int = 200) -> Response:
    now, me = asked.site.store.clock.now(), asked.who.name
    manages = asked.may(Permission.MANAGE_TOKENS)
    others = [one for one in tokens.everyones(asked.project, me) if works(one, now)] if manages else []
    return page(
        asked, "tokens.html.j2", status, mine=[one for one in tokens.mine(asked.project, me) if works(one, now)],
        others=[one for one in others if one.owner != me or one.kind.value != "person"], manages=manages, text=text,
        error=error, form={} if text else asked.form, held=[one.text for one in asked.who.grants], days=tokens.DAYS,
        most=tokens.MOST_DAYS,
    )  # fmt: skip


def _create(asked: Asked) -> Response:
    form = asked.form
    try:
        grants = read_grants(asked.project, [line for line in form.get("grants", "").split() if line])
        days = int(form.get("days", "")) if form.get("days", "").isdecimal() else 0
        request = tokens.TokenRequest(name=form.get("name", ""), grants=grants, days=days)
        account = form.get("account", "").strip()
        if account:
            made = tokens.create_for_service(asked.project, asked.who.name, account, request)
        else:
            made = tokens.create(asked.project, asked.who.name, request)
    except PilotageError as wrong:
        return _shown(asked, error=str(wrong), status=wrong.http_status)
    return _shown(asked, text=made.text)


def _revoke(asked: Asked) -> Response:
    tokens.revoke(asked.project, asked.who.name, asked.params["token"])
    return RedirectResponse(asked.site.root + _PATH, 303)


ROUTES = (
    Route(
        method="GET", path=_PATH, permission=Audience.SIGNED_IN, answer=_page, kind=Kind.PAGE,
        summary="Your tokens.",
    ),
    Route(
        method="POST", path=_PATH, permission=Audience.SIGNED_IN, answer=_create, kind=Kind.FORM,
        summary="Make a token.", secret=True,
    ),
    Route(
        method="POST", path=f"{_PATH}/{{token}}/revoke", permission=Audience.SIGNED_IN, answer=_revoke,
        kind=Kind.FORM, summary="Revoke a token.",
    ),
)  # fmt: skip
