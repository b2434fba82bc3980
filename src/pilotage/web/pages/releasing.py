"""Routes of the pages about services and their releases, besides those of rollouts."""

from __future__ import annotations

from pilotage.web.pages import calendar, services
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (*services.ROUTES, *calendar.ROUTES)
