"""The second step of signing in: a code of the authenticator app, or a recovery code."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.identity import second_factor
from pilotage.app.identity.sealing import SealUnusable
from pilotage.app.identity.signing_in import WrongCredentials
from pilotage.app.identity.throttle import TooOften
from pilotage.model.access import Proof
from pilotage.model.errors import PilotageError
from pilotage.web import cookies
from pilotage.web.entering import came_from, enter
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Route


def _shown(asked: Asked, refused: PilotageError | None = None) -> Response:
    if cookies.kept(asked, "code") is None:
        return RedirectResponse(f"{asked.site.root}/login", 303)
    status = 200 if refused is None else refused.http_status
    return page(asked, "code.html.j2", status, refused=str(refused or ""))


def _check(asked: Asked) -> Response:
    begun = cookies.kept(asked, "code")
    person = asked.site.store.persons.called(str(begun["name"])) if begun else None
    if begun is None or person is None or person.totp is None:
        return RedirectResponse(f"{asked.site.root}/login", 303)
    try:
        second_factor.check(asked.project, person, asked.form.get("code", ""), came_from(asked, person.name))
    except (WrongCredentials, TooOften, SealUnusable) as error:
        return _shown(asked, error)
    return enter(asked, person, Proof.PASSWORD_AND_CODE, str(begun.get("next", "")))


ROUTES = (
    Route(
        method="GET", path="/login/code", permission=Audience.ANYONE, answer=_shown, kind=Kind.PAGE,
        summary="Ask for the code of the authenticator app.",
    ),
    Route(
        method="POST", path="/login/code", permission=Audience.ANYONE, answer=_check, kind=Kind.FORM,
        summary="Sign in with the code of the authenticator app.",
    ),
)  # fmt: skip
