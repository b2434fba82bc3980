"""Finds out who sends a request: a token in `Authorization`, or the session of a cookie; never anything in the URL."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request

from pilotage.app.access import ci_jobs
from pilotage.app.identity import sessions, tokens
from pilotage.engine.records.version import Version
from pilotage.model.access import Identity
from pilotage.model.errors import PilotageError
from pilotage.web.client import address_of
from pilotage.web.site import Site

_TOKEN, _SESSION = "token ", "session "
"""Before what is remembered: a secret counts only in the place that it was made for."""


class NotSignedIn(PilotageError):
    """The request has no valid session or token."""

    exit_status, http_status = 8, 401


def identity_of(site: Site, request: Request, version: Version) -> Identity | None:
    """As of a version of the store or later; None without credentials. Raises NotSignedIn for wrong ones: who sends a
    token means to be somebody."""
    address = address_of(request)
    header, now = request.headers.get("authorization", ""), site.store.clock.now()
    if header:
        kind, _, text = header.partition(" ")
        if kind.lower() == "bearer" and ci_jobs.looks_like_one(text.strip()):
            return ci_jobs.identity_of(site.for_(None), text.strip(), address)
        find = partial(tokens.of_header, site.store, text.strip(), address)
        known = f"{_TOKEN}{text.strip()}"
        found = site.recognised.get(known, address, version, now, find) if kind.lower() == "bearer" else None
        if found is None and tokens.is_mistyped(text.strip()):
            raise NotSignedIn("this token is incomplete or mistyped: its checksum does not fit")
        if found is None:
            raise NotSignedIn("this token is unknown, expired or revoked")
        return found
    secret = request.cookies.get(cookie_name(site), "")
    find = partial(sessions.of_cookie, site.store, secret, address)
    return site.recognised.get(f"{_SESSION}{secret}", address, version, now, find) if secret else None


def known_identity(site: Site, request: Request, version: Version) -> Identity | None:
    """One that was found out a moment ago; None where somebody has to find it out."""
    header = request.headers.get("authorization", "")
    kind, _, text = header.partition(" ")
    if header and kind.lower() != "bearer":
        return None
    secret = text.strip() if header else request.cookies.get(cookie_name(site), "")
    known = f"{_TOKEN if header else _SESSION}{secret}"
    return site.recognised.known(known, address_of(request), version, site.store.clock.now()) if secret else None


def by_cookie(request: Request) -> bool:
    """Whether a browser sends the credentials by itself, also for pages of others."""
    return "authorization" not in request.headers


def cookie_name(site: Site) -> str:
    """Under HTTPS with a prefix by which browsers let no other host and no plain HTTP set it."""
    if not site.secure:
        return "pilotage"
    return "__Secure-pilotage" if site.root else "__Host-pilotage"
