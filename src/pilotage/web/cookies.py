"""The cookies that browsers keep: the session, a browser that is known, and a sign-in that is not finished."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import sealing
from pilotage.app.identity.secrets import new_secret
from pilotage.app.identity.sessions import LIFETIME
from pilotage.model.json import JsonObject
from pilotage.web.credentials import cookie_name
from pilotage.web.route import Asked
from pilotage.web.site import Site

_YEAR = 365 * 86400
UNFINISHED = 600
"""Seconds until a sign-in that is not finished begins anew."""


def keep_session(answer: Response, site: Site, secret: str) -> None:
    _set(answer, site, cookie_name(site), secret, int(LIFETIME))


def drop_session(answer: Response, site: Site) -> None:
    _set(answer, site, cookie_name(site), "", 0)


def browser_of(asked: Asked, name: str) -> str:
    """Its id, where this person signed in with it before."""
    text = asked.request.cookies.get(_called(asked.site, "known"), "")
    found = sealing.opened(asked.project, "browser", text, _YEAR)
    return str(found["id"]) if found is not None and str(found.get("name", "")).casefold() == name.casefold() else ""


def know_browser(answer: Response, asked: Asked, name: str) -> None:
    """Its failed attempts are then counted apart from those of strangers."""
    content = {"name": name, "id": browser_of(asked, name) or new_secret()[:16]}
    _set(answer, asked.site, _called(asked.site, "known"), _sealed(asked, "browser", content), _YEAR)


def keep(answer: Response, asked: Asked, what: str, content: JsonObject) -> None:
    """For the next step of a sign-in, sealed. what: such as `code`."""
    _set(answer, asked.site, _called(asked.site, what), _sealed(asked, what, content), UNFINISHED)


def kept(asked: Asked, what: str) -> JsonObject | None:
    return sealing.opened(asked.project, what, asked.request.cookies.get(_called(asked.site, what), ""), UNFINISHED)


def drop(answer: Response, asked: Asked, what: str) -> None:
    _set(answer, asked.site, _called(asked.site, what), "", 0)


def _sealed(asked: Asked, purpose: str, content: JsonObject) -> str:
    return sealing.seal_for(asked.project).close(purpose, content, asked.project.clock.now())


def _called(site: Site, what: str) -> str:
    return f"{cookie_name(site)}-{what}"


def _set(answer: Response, site: Site, name: str, value: str, age: int) -> None:
    path = "/" if name.startswith("__Host-") else f"{site.root}/"
    answer.set_cookie(name, value, max_age=age, path=path, secure=site.secure, httponly=True, samesite="lax")
