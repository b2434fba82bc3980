"""What tells whether a store is older than what was done at its targets, and what of that somebody accepted."""

from __future__ import annotations

from sqlalchemy import Engine, select

from pilotage.engine.records.tables import events
from pilotage.model.events import RecordsAccepted, RecordsWentBack


class Older:
    """Of a `Store`."""

    _engine: Engine

    def setback(self, rollout: str) -> str:
        """That the records are older than what was done, in a sentence, until somebody accepts them; else empty."""
        wanted = events.c.type.in_((RecordsWentBack.type, RecordsAccepted.type))
        query = select(events.c.type, events.c.sentence).where(events.c.rollout == rollout, wanted)
        with self._engine.connect() as connection:
            last = connection.execute(query.order_by(events.c.number.desc()).limit(1)).first()
        return str(last.sentence) if last is not None and last.type == RecordsWentBack.type else ""

    def has_event(self, rollout: str, head: str) -> bool:
        """Whether the store has the event with this hash."""
        query = select(events.c.number).where(events.c.rollout == rollout, events.c.hash == head)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def accepts(self, rollout: str, head: str) -> bool:
        """Whether somebody gave up the event with this hash."""
        query = select(events.c.data).where(events.c.rollout == rollout, events.c.type == RecordsAccepted.type)
        with self._engine.connect() as connection:
            return any(data.get("head") == head for data in connection.scalars(query))
