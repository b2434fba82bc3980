"""Going back: the rollout under way is undone, or an earlier version is rolled out again."""

from __future__ import annotations

from dataclasses import replace

from pilotage.app.deploy import _start
from pilotage.app.plan import Wish, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.config.loading import Loaded
from pilotage.config.yaml_reader import ConfigError
from pilotage.engine.returning import Started, go_back_by_record, pace_back, way_back
from pilotage.engine.store import Store


def go_back(store: Store, loaded: Loaded, environment: str, to: str | None, actor: str, reason: str) -> Started:
    """Undo: the rollout under way, or else return to `to` (the last good version before the present one). Within
    `rollback.window` of the present one's end that version is not watched anew; later it is released like any other.
    Raises NoWayBack when there is nothing to return to."""
    found = way_back(store, loaded.configuration.service, environment, to, actor, reason)
    if isinstance(found, Started):
        return found
    version, serving, latest = found
    plan = plan_for(loaded, environment, Wish(version, going_back=True))
    pace, words = pace_back(plan, latest, store.clock.now())
    started = _start(store, loaded, plan, serving, pace, DeployRequest(actor))
    return replace(started, sentence=f"{environment} goes back to {version}{words}")


def go_back_here(project: Project, actor: str, environment: str | None, to: str | None, reason: str) -> Started:
    """`go_back` in an environment of a project; by the store's records where nobody can read the configuration. Raises
    NoWayBack, StoreConflict, Unclear."""
    service, name = project.place(environment)
    try:
        loaded = project.loaded
    except ConfigError:
        return go_back_by_record(project.store, service, name, to, actor, reason)
    return go_back(project.store, loaded, name, to, actor, reason)
