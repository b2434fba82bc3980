"""Every route there is."""

from __future__ import annotations

from pilotage.web.api import rollouts
from pilotage.web.pages import home, login
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *rollouts.ROUTES,
    *home.ROUTES,
    *login.ROUTES,
)
