"""Rollouts that wait their turn: the next one begins when its environment is free.

Those of a release of several services begin in its order (`releases`).
"""

from __future__ import annotations

from pilotage.engine.store import Rollout, Store
from pilotage.model.rollout import Pace
from pilotage.rollout.machine import begin


def begin_what_waits(store: Store, now: float) -> tuple[Rollout, ...]:
    """Begin the oldest of each environment that is free; what has become the serving version meanwhile is withdrawn."""
    begun: dict[tuple[str, str], Rollout] = {}
    for waiting in store.queued():
        if waiting.release is not None:
            continue
        place = (waiting.service, waiting.environment)
        if place in begun:
            continue
        serving = store.serving(*place)
        if serving and serving[0] == waiting.version:
            store.withdraw(waiting.id, "pilotage: it serves already", now)
            continue
        old, pace = (serving[0], waiting.state.pace) if serving else (None, Pace.FIRST)
        state = begin(waiting.plan, old, pace, waiting.state.author)
        if (started := store.release(waiting.id, state, now)) is not None:
            begun[place] = started
    return tuple(begun.values())
