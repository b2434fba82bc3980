"""Routes of what identities may do and of the record of it."""

from __future__ import annotations

from pilotage.web.api import audit as audit_api
from pilotage.web.api import tokens as tokens_api
from pilotage.web.pages import audit, tokens
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *audit.ROUTES,
    *audit_api.ROUTES,
    *tokens.ROUTES,
    *tokens_api.ROUTES,
)
