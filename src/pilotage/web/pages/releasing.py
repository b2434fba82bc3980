"""Routes of the pages about services and their releases, besides those of rollouts."""

from __future__ import annotations

from pilotage.web.pages import (
    announcements,
    calendar,
    flags,
    incidents,
    meetings,
    readiness,
    releases,
    reports,
    services,
    ways,
)
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *ways.ROUTES,
    *services.ROUTES,
    *calendar.ROUTES,
    *releases.ROUTES,
    *readiness.ROUTES,
    *announcements.ROUTES,
    *flags.ROUTES,
    *incidents.ROUTES,
    *reports.ROUTES,
    *meetings.ROUTES,
)
