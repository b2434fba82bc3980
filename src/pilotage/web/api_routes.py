"""Routes of the API about releases; those about access are in `access_routes.py`."""

from __future__ import annotations

from pilotage.web.api import conversations, environments, events, keeping, releasing, rollouts, ways
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *events.ROUTES,
    *environments.ROUTES,
    *releasing.ROUTES,
    *rollouts.ROUTES,
    *ways.ROUTES,
    *keeping.ROUTES,
    *conversations.ROUTES,
)
