"""The chain of a rollout's events: each carries the hash of the one before, the first that of the plan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert

from pilotage.engine.records.tables import events
from pilotage.model.canonical import canonical_json
from pilotage.model.record import Recorded
from pilotage.model.rollout import Event
from pilotage.model.text import clean


def append(connection: Connection, rollout: str, head: str, number: int, new: Event, now: float) -> Recorded:
    """Record an event as number `number`, after the one whose hash is `head`."""
    # Some of its words are from outside: a reason that was given, the last line of a check.
    unsealed = Recorded(rollout, number, now, new.type, clean(new.sentence), new.data, head, "")
    recorded = replace(unsealed, hash=seal(unsealed))
    connection.execute(insert(events).values(vars(recorded)))
    return recorded


def seal(item: Recorded) -> str:
    content = {key: value for key, value in vars(item).items() if key != "hash"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def broken_link(plan_hash: str, head: str, count: int, recorded: Sequence[Recorded]) -> str | None:
    """What is wrong with a chain that should have `count` events and end in `head`; None when it is whole."""
    before, number = plan_hash, 0
    for number, item in enumerate(recorded, 1):
        if item.number != number or item.before != before or item.hash != seal(item):
            return f"event {item.number} does not follow from event {number - 1}"
        before = item.hash
    if number != count or before != head:
        return f"{count} events were recorded, {number} are present"
    return None
