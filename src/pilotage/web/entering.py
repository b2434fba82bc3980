"""The end of every way to sign in: a new session, and the page that was wanted."""

from __future__ import annotations

import logging
import re

from starlette.responses import RedirectResponse, Response

from pilotage.app.identity import sessions
from pilotage.app.identity.secrets import hash_of
from pilotage.app.identity.signing_in import Came
from pilotage.app.request_log import SIGN_INS
from pilotage.engine.records.persons import Person
from pilotage.model.access import Proof
from pilotage.model.text import line
from pilotage.web import cookies
from pilotage.web.client import address_of
from pilotage.web.credentials import cookie_name
from pilotage.web.hosts import refuse_strange_host
from pilotage.web.route import Asked

_log = logging.getLogger(SIGN_INS)
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")
"""A path of this site: printable, without a backslash, which browsers take for a slash."""


def enter(asked: Asked, person: Person, proof: Proof, wanted: str) -> Response:
    """Sign the browser in. Its earlier session ends, so nobody can have put it there."""
    store, request = asked.site.store, asked.request
    store.persons.end_session(hash_of(request.cookies.get(cookie_name(asked.site), "")))
    agent = line(request.headers.get("user-agent", ""), 200)
    _log.info("%s signed in by %s from %s", person.name, proof, came_from(asked).address)
    secret = sessions.begin(store, person, proof, came_from(asked).address, agent)
    answer = RedirectResponse(inside(asked.site.root, wanted), 303)
    cookies.keep_session(answer, asked.site, secret)
    cookies.know_browser(answer, asked, person.name)
    for what in ("code", "provider"):
        cookies.drop(answer, asked, what)
    return answer


def came_from(asked: Asked, name: str = "") -> Came:
    return Came(address=address_of(asked.request), browser=cookies.browser_of(asked, name) if name else "")


def inside(root: str, wanted: str) -> str:
    """The page that was wanted, if it is one of this site; else the first."""
    return wanted if _PATH.fullmatch(wanted) and wanted.startswith(f"{root}/") else f"{root}/"


def base(asked: Asked) -> str:
    """How this browser reaches the site, without a slash at the end. Raises StrangeHost."""
    site = asked.site
    refuse_strange_host(site, asked.request)
    return site.url or f"http{'s' * site.secure}://{asked.request.headers.get('host', '')}{site.root}"
