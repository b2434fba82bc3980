"""Sign in by name and password, and out."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.identity import passkeys
from pilotage.app.identity.policy import policy_of
from pilotage.app.identity.secrets import hash_of
from pilotage.app.identity.signing_in import WrongCredentials, by_password
from pilotage.app.identity.throttle import TooOften
from pilotage.model.access import Proof
from pilotage.model.errors import PilotageError, Unavailable
from pilotage.web import cookies
from pilotage.web.credentials import cookie_name
from pilotage.web.entering import base, came_from, enter, inside
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Pace, Route


def shown(asked: Asked, wanted: str, name: str = "", refused: PilotageError | None = None) -> Response:
    """The form. refused: why an attempt failed."""
    policy, address = policy_of(asked.project), base(asked)
    status = 200 if refused is None else refused.http_status
    answer = page(
        asked, "login.html.j2", status, wanted=inside(asked.site.root, wanted), name=name, refused=str(refused or ""),
        first=asked.site.store.accounts.none(), emergency_only=policy.emergency_only, unread=policy.unread,
        providers=policy.providers,
        challenge=passkeys.ask(asked.project, address) if passkeys.possible(address) else None,
    )  # fmt: skip
    if isinstance(refused, TooOften):
        answer.headers["Retry-After"] = str(refused.wait)
    return answer


def _form(asked: Asked) -> Response:
    wanted = asked.request.query_params.get("next", "")
    if asked.identity is not None and "again" not in asked.request.query_params:
        return RedirectResponse(inside(asked.site.root, wanted), 303)
    return shown(asked, wanted, asked.identity.name if asked.identity else "")


def _sign_in(asked: Asked) -> Response:
    name, wanted = asked.form.get("name", "").strip(), asked.form.get("next", "")
    only = policy_of(asked.project).emergency_only
    try:
        person = by_password(
            asked.site.store, name, asked.form.get("password", ""), came_from(asked, name), emergency_only=only
        )
    except (WrongCredentials, TooOften, Unavailable) as error:
        return shown(asked, wanted, name, error)
    if person.totp is None:
        return enter(asked, person, Proof.PASSWORD, wanted)
    answer = RedirectResponse(f"{asked.site.root}/login/code", 303)
    cookies.keep(answer, asked, "code", {"name": person.name, "next": wanted})
    return answer


def _leave(asked: Asked) -> Response:
    asked.site.store.persons.end_session(hash_of(asked.request.cookies.get(cookie_name(asked.site), "")))
    answer = RedirectResponse(f"{asked.site.root}/login", 303)
    cookies.drop_session(answer, asked.site)
    return answer


ROUTES = (
    Route(
        method="GET", path="/login", permission=Audience.ANYONE, answer=_form, kind=Kind.PAGE,
        summary="Show the form to sign in.",
    ),
    Route(
        method="POST", path="/login", permission=Audience.ANYONE, pace=Pace.SIGN_IN, answer=_sign_in, kind=Kind.FORM,
        summary="Sign in by name and password.",
    ),
    Route(
        method="POST", path="/logout", permission=Audience.SIGNED_IN, answer=_leave, kind=Kind.FORM,
        summary="Sign out.",
    ),
)  # fmt: skip
