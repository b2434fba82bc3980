"""The page of an error."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pilotage.app.roles import Eyes
from pilotage.model.access import Identity
from pilotage.model.errors import PilotageError
from pilotage.web import forgery
from pilotage.web.credentials import identity_of
from pilotage.web.pages.page import drawn
from pilotage.web.problem import Problem
from pilotage.web.site import Site

_log = logging.getLogger(__name__)


def error_page(site: Site, request: Request, problem: Problem) -> Response:
    """Without the reader's name and places where the store cannot say them: that may be the error."""
    try:
        return _page(site, request, problem, _identity(site, request))
    except Exception:
        _log.exception("an error's page is shown without the store")
        return _page(site, request, problem, None)


def _page(site: Site, request: Request, problem: Problem, identity: Identity | None) -> Response:
    custom = site.store.persons.custom_roles() if identity is not None else {}
    eyes = Eyes(identity=identity, custom=custom)
    text = drawn(
        site, "error.html.j2", identity=identity, eyes=eyes, csrf=forgery.token_for(site, request),
        path=request.url.path, problem=problem,
    )  # fmt: skip
    return HTMLResponse(text, problem.status)


def _identity(site: Site, request: Request) -> Identity | None:
    """Whoever reads the page; nobody where their credentials are the error."""
    try:
        return identity_of(site, request, site.versions.now())
    except PilotageError:
        return None
