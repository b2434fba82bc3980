"""Routes of what identities may do and of the record of it."""

from __future__ import annotations

from pilotage.web.api import audit as audit_api
from pilotage.web.pages import audit
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *audit.ROUTES,
    *audit_api.ROUTES,
)
