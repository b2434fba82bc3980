"""Reads events of many rollouts in a few questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, select

from pilotage.engine.records.tables import events
from pilotage.model.event_names import types_stored
from pilotage.model.record import Recorded

_AT_ONCE = 500
"""Rollouts in one question."""


def events_of_many(
    engine: Engine, rollouts: Sequence[str], types: Sequence[str] = ()
) -> Mapping[str, Sequence[Recorded]]:
    """Of each rollout its events in order; nothing for one without any. types: only these, by today's names."""
    found = defaultdict[str, list[Recorded]](list)
    stored = [name for one in types for name in types_stored(one)]
    for first in range(0, len(rollouts), _AT_ONCE):
        query = select(events).where(events.c.rollout.in_(rollouts[first : first + _AT_ONCE]))
        query = query.where(events.c.type.in_(stored)) if types else query
        with engine.connect() as connection:
            rows = connection.execute(query.order_by(events.c.rollout, events.c.number)).mappings().all()
        for row in rows:
            found[row["rollout"]].append(Recorded(**row))
    return found
