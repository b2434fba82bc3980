"""The routes of all pages by which people sign in, and change how they do."""

from __future__ import annotations

from pilotage.web.pages import link, login
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (*login.ROUTES, *link.ROUTES)
