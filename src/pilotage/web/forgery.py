"""Cross-site request forgery: a change that a browser sends with its cookie must come from a page of this server.

Two independent checks: the `Origin` (or `Sec-Fetch-Site`) that browsers add, and, for forms, a token of the session.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request

from pilotage.model.errors import Forbidden
from pilotage.web.credentials import cookie_name
from pilotage.web.site import Site

FIELD = "csrf"
"""Name of the form's hidden field."""


class Forged(Forbidden):
    """The request comes from a page of another site, or from a form that is too old."""


def token_for(site: Site, request: Request) -> str:
    """For the forms of a page; bound to the browser's session."""
    return token_of(request.cookies.get(cookie_name(site), ""))


def token_of(secret: str) -> str:
    """For the session of this secret; empty without one."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest() if secret else ""


def require_same_origin(site: Site, request: Request) -> None:
    """Raises Forged where a browser says that another site's page sent it."""
    fetch, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if fetch is not None and fetch not in ("same-origin", "none"):
        raise Forged("this request comes from a page of another site")
    if origin is None:
        if fetch is None:
            raise Forged("this request has neither Origin nor Sec-Fetch-Site: it does not come from a browser's page")
        return
    if (urlsplit(origin).netloc or "nobody") != request.headers.get("host") and origin not in site.origins:
        raise Forged(f"this request comes from a page of {origin}")


def require_own_page(site: Site, request: Request) -> None:
    """For a read that lasts. Raises Forged where a browser says that another site's page sent it."""
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        require_same_origin(site, request)


def require_token(site: Site, request: Request, form: Mapping[str, str]) -> None:
    """Raises Forged where the form was not made for this session."""
    expected = token_for(site, request)
    if not expected or not hmac.compare_digest(expected.encode(), form.get(FIELD, "").encode()):
        raise Forged("this form belongs to an earlier session: load the page again")
