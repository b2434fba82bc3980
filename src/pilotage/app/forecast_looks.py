"""The worker's look at releases whose time is over: what became of them is kept, so that no page has to read git."""

from __future__ import annotations

import logging
from pathlib import Path

from pilotage.app.after_rollouts import project_here
from pilotage.app.forecasts import PAST, known_of, looked, outcome
from pilotage.app.project import Project
from pilotage.engine.records import outcomes
from pilotage.engine.records.store import Store
from pilotage.model.errors import PilotageError
from pilotage.model.forecast import DAY, Fate
from pilotage.report.outcomes import is_ripe

_log = logging.getLogger(__name__)
_AGAIN, _UNTIL = DAY, 30 * DAY
"""Seconds between two looks at what is unknown, and after the end of a release's time in which it is looked at."""


def look(store: Store, directory: Path) -> None:
    """Settle what is ripe in each environment that has its home here."""
    now = store.clock.now()
    for service, environment in store.places():
        newest = store.newest(service, environment)
        if newest is None or now - newest.created_at > PAST:
            continue
        project = project_here(directory, store, service, environment)
        if project is None:
            continue
        try:
            settle(project, environment, now)
        except (PilotageError, OSError) as error:
            _log.warning("%s in %s: what became of its releases is not known: %s", service, environment, error)


def settle(project: Project, environment: str, now: float) -> int:
    """Keep what became of each release whose time is over; returns of how many. What is unknown is looked at again each
    day for a month: git may be fetched meanwhile."""
    store = project.store
    known = known_of(store, project.loaded.configuration.service, environment, now)
    due = []
    for one in known.forecasts:
        kept = known.settled.get(one.rollout)
        again = kept and kept.outcome.fate is Fate.UNKNOWN and now - kept.at >= _AGAIN and now < one.until + _UNTIL
        if is_ripe(one, now) and (kept is None or again):
            due.append(one)
    waiting = {one.rollout for one in known.open_at(now)} if due else set()
    found = looked(project, known, [one for one in due if one.rollout in waiting], now)
    for one in due:
        outcomes.settle(store.engine, one.rollout, outcome(one, known, found, now), now)
    return len(due)
