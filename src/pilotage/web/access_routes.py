"""Routes of what identities may do and of the record of it."""

from __future__ import annotations

from pilotage.web.api import access as access_api
from pilotage.web.api import audit as audit_api
from pilotage.web.api import ci
from pilotage.web.api import tokens as tokens_api
from pilotage.web.pages import audit, people, settings, tokens, why
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *audit.ROUTES,
    *audit_api.ROUTES,
    *tokens.ROUTES,
    *tokens_api.ROUTES,
    *settings.ROUTES,
    *people.ROUTES,
    *why.ROUTES,
    *access_api.ROUTES,
    *ci.ROUTES,
)
