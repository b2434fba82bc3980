"""Environments whose records are older than what was done there, each until somebody accepts the records."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from pilotage.engine.records.rows import FINAL
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import environments, events, rollouts
from pilotage.model.events import RecordsAccepted, RecordsWentBack


@dataclass(frozen=True, kw_only=True)
class Setback:
    """rollout: the last one of the environment, in whose events it is recorded · head: hash of the event that the store
    does not have."""

    service: str
    environment: str
    rollout: str
    head: str
    sentence: str


def has_event(engine: Engine, rollout: str, head: str) -> bool:
    """Whether the store has the event with this hash."""
    query = select(events.c.number).where(events.c.rollout == rollout, events.c.hash == head)
    with engine.connect() as connection:
        return connection.execute(query).first() is not None


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


def is_accepted(store: Store, rollout: str, head: str) -> bool:
    """Whether somebody gave up the event with this hash."""
    return _tells(store, rollout, RecordsAccepted.type, head)


def tell(store: Store, rollout: str, event: RecordsWentBack) -> None:
    """Record it in the events of a rollout that has ended, once. Raises StoreConflict, Unreadable."""
    if not _tells(store, rollout, RecordsWentBack.type, event.head):
        store.note_after(rollout, event.record(), store.clock.now())


def _tells(store: Store, rollout: str, type_: str, head: str) -> bool:
    return any(one.data.get("head") == head for one in store.events_of_types(rollout, (type_,), 50))
