"""Routes of the API about releases; those about access are in `access_routes.py`."""

from __future__ import annotations

from pilotage.web.api import (
    accepting,
    agenda,
    announcing,
    backups,
    changes,
    conversations,
    environments,
    events,
    evidence,
    examining,
    flags,
    groups,
    keeping,
    meetings,
    phases,
    plans,
    releasing,
    reporting,
    rollouts,
    tenants,
    trains,
    ways,
)
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *events.ROUTES,
    *accepting.ROUTES,
    *environments.ROUTES,
    *plans.ROUTES,
    *releasing.ROUTES,
    *rollouts.ROUTES,
    *groups.ROUTES,
    *ways.ROUTES,
    *evidence.ROUTES,
    *keeping.ROUTES,
    *flags.ROUTES,
    *tenants.ROUTES,
    *announcing.ROUTES,
    *phases.ROUTES,
    *trains.ROUTES,
    *changes.ROUTES,
    *reporting.ROUTES,
    *agenda.ROUTES,
    *conversations.ROUTES,
    *meetings.ROUTES,
    *backups.ROUTES,
    *examining.ROUTES,
)
