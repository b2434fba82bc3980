"""Rollouts that wait their turn: the next one starts when its environment is free.

Those of a release of several services start in its order (`releases`).
"""

from __future__ import annotations

import logging

from pilotage.engine.records.store import Store
from pilotage.model.record import Rollout, Unreadable
from pilotage.model.rollout import Mode
from pilotage.rollout.machine import begin

_log = logging.getLogger(__name__)


def begin_what_waits(store: Store, now: float) -> tuple[Rollout, ...]:
    """Start the oldest of each free environment; one whose version serves meanwhile is cancelled, and a first
    deployment where any does."""
    begun: dict[tuple[str, str], Rollout] = {}
    waiting_now = store.queued()
    busy = {(one.service, one.environment) for one in store.active()} if waiting_now else set()
    for waiting in waiting_now:
        if waiting.group_id is not None:
            continue
        place = (waiting.service, waiting.environment)
        if place in begun:
            continue
        serving = store.serving(*place)
        if serving and serving[0] == waiting.version:
            store.withdraw(waiting.id, "pilotage: it already serves", now)
            continue
        if place in busy:
            continue
        try:
            whole = store.get(waiting.id)
        except Unreadable as error:
            # It keeps its place until a person cancels it, and delays nothing.
            _log.warning("%s", error)
            continue
        if serving and whole.plan.first:
            store.withdraw(waiting.id, f"pilotage: the plan is of a first deployment, and {serving[0]} serves", now)
            continue
        old, mode = (serving[0], waiting.mode) if serving else (None, Mode.INITIAL)
        state = begin(whole.plan, old, mode, whole.state.author, whole.state.signed)
        if (started := store.start_queued(waiting.id, state, now)) is not None:
            begun[place] = started
    return tuple(begun.values())
