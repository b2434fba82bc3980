"""Sign in and out."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.identity.secrets import hash_of
from pilotage.web.credentials import cookie_name
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Route


def _form(asked: Asked) -> Response:
    return page(asked, "login.html.j2")


def _leave(asked: Asked) -> Response:
    asked.site.store.persons.end_session(hash_of(asked.request.cookies.get(cookie_name(asked.site), "")))
    answer = RedirectResponse(f"{asked.site.root}/login", 303)
    answer.delete_cookie(cookie_name(asked.site), path="/")
    return answer


ROUTES = (
    Route(
        method="GET", path="/login", permission=Audience.ANYONE, answer=_form, kind=Kind.PAGE, summary="Sign in.",
    ),
    Route(
        method="POST", path="/logout", permission=Audience.SIGNED_IN, answer=_leave, kind=Kind.FORM,
        summary="Sign out.",
    ),
)  # fmt: skip
