"""Going back without a configuration: by what the store keeps of the rollouts before."""

from __future__ import annotations

from dataclasses import replace

from pilotage.engine.deployments import NoWayBack, Started, pace_back, way_back
from pilotage.engine.store import Store
from pilotage.model.record import Rollout
from pilotage.rollout.machine import begin


def go_back_by_record(store: Store, service: str, environment: str, to: str | None, actor: str, reason: str) -> Started:
    """As `go_back`, with the plan and the configuration of the rollout that brought that version. Raises NoWayBack,
    StoreConflict."""
    found = way_back(store, service, environment, to, actor, reason)
    if isinstance(found, Started):
        return found
    version, serving, latest = found
    before = _last_of(store, service, environment, version)
    pace, words = pace_back(before.plan, latest, store.clock.now())
    state = begin(before.plan, serving, pace, actor)
    rollout = store.create(before.plan, state, (latest or before).snapshot, actor, store.clock.now())
    started = Started(rollout, "", fresh=True)
    return replace(started, sentence=f"{environment} goes back to {version} by its plan of before{words}")


def _last_of(store: Store, service: str, environment: str, version: str) -> Rollout:
    for one in store.history(service, environment, limit=500):
        if one.version == version:
            return store.get(one.id)
    raise NoWayBack(f"no plan of {version} is kept: mend pilotage.yaml, then `pilotage rollback --to {version}`")
