"""The worker's look at releases whose time is over: what became of them is kept, so that no page has to read git."""

from __future__ import annotations

import logging
from pathlib import Path

from pilotage.app.after_rollouts import project_here
from pilotage.app.forecasts import PAST, known_of, looked, outcome
from pilotage.app.project import Project
from pilotage.engine.records import outcomes
from pilotage.engine.records.outcomes import Settled
from pilotage.engine.records.store import Store
from pilotage.model.errors import PilotageError
from pilotage.model.forecast import DAY, Fate, Forecast
from pilotage.report.outcomes import is_ripe

_log = logging.getLogger(__name__)
_AGAIN, _UNTIL = DAY, 90 * DAY
"""Seconds between two looks at what is unknown, and after the end of a release's time in which it is looked at."""
_ONCE_MORE = 14 * DAY
"""After the end of a release's time: by then, whatever was committed or reported within it has come in."""


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
    day for three months: git may be fetched meanwhile. What held is looked at once more: a branch with a repair may be
    pushed late, and a report confirmed late."""
    store = project.store
    known = known_of(store, project.loaded.configuration.service, environment, now)
    due = [one for one in known.forecasts if is_ripe(one, now) and _is_due(one, known.settled.get(one.rollout), now)]
    before, known = known.settled, known.without({one.rollout for one in due})
    waiting = {one.rollout for one in known.open_at(now)} if due else set()
    found = looked(project, known, [one for one in due if one.rollout in waiting], now)
    for one in due:
        held = before.get(one.rollout)
        new = outcome(one, known, found, now)
        # Who looks later and cannot tell has learned nothing.
        told = held.outcome if held and held.outcome.fate is Fate.HELD and new.fate is Fate.UNKNOWN else new
        outcomes.settle(store.engine, one.rollout, told, now)
    return len(due)


def _is_due(one: Forecast, kept: Settled | None, now: float) -> bool:
    if kept is None:
        return True
    if kept.outcome.fate is Fate.UNKNOWN:
        return now - kept.at >= _AGAIN and now < one.until + _UNTIL
    return kept.outcome.fate is Fate.HELD and kept.at < one.until + _ONCE_MORE <= now
