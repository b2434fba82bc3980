"""Environments whose records are older than what was done there, each until somebody accepts the records."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from pilotage.engine.records.rows import FINAL
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.records.tables import environments, events, rollouts
from pilotage.model.audit import Act
from pilotage.model.events import RecordsAccepted, RecordsWentBack

_TRIES = 10
"""Times that a record is tried beside others."""


@dataclass(frozen=True, kw_only=True)
class Setback:
    """rollout: the last one of the environment, in whose events it is recorded · head: hash of the event that the store
    does not have."""

    service: str
    environment: str
    rollout: str
    head: str
    sentence: str


def standing(engine: Engine) -> tuple[Setback, ...]:
    """Those that nobody has accepted, in every environment's last rollout."""
    last = (
        (environments.c.service == rollouts.c.service)
        & (environments.c.environment == rollouts.c.environment)
        & (environments.c.sequence == rollouts.c.sequence)
    )
    ended = select(rollouts.c.id, rollouts.c.service, rollouts.c.environment).join(environments, last)
    wanted = events.c.type.in_((RecordsWentBack.type, RecordsAccepted.type))
    with engine.connect() as connection:
        places = {row.id: row for row in connection.execute(ended.where(rollouts.c.status.in_(FINAL)))}
        query = select(events).where(events.c.rollout.in_(list(places)), wanted)
        rows = connection.execute(query.order_by(events.c.rollout, events.c.number)).mappings().all() if places else ()
    found = {row["rollout"]: row for row in rows}  # the last one of each
    return tuple(
        Setback(
            service=place.service, environment=place.environment, rollout=place.id,
            head=str(found[place.id]["data"].get("head", "")), sentence=found[place.id]["sentence"],
        )
        for place in sorted(places.values(), key=lambda one: (one.service, one.environment))
        if place.id in found and found[place.id]["type"] == RecordsWentBack.type
    )  # fmt: skip


def tell(store: Store, rollout: str, event: RecordsWentBack) -> None:
    """Record it in the events of a rollout that has ended, once. Raises StoreConflict, Unreadable."""
    ended = store.get(rollout)
    told = store.events_of_types(rollout, (RecordsWentBack.type,), 50)
    if not any(one.data.get("head") == event.head for one in told):
        store.note_after(ended, event.record(), store.clock.now())


def accept(store: Store, one: Setback, act: Act) -> None:
    """Record with its row of the audit log that somebody goes on from the records as they are, once: of two at the same
    moment, one is recorded. Raises StoreConflict, Unreadable."""
    for left in reversed(range(_TRIES)):
        ended = store.get(one.rollout)
        if store.accepts(one.rollout, one.head):
            return
        event = RecordsAccepted(head=one.head, actor=act.actor, reason=act.reason)
        try:
            store.note_after(ended, event.record(), store.clock.now(), act)
        except StoreConflict:
            if not left:
                raise
        else:
            return
