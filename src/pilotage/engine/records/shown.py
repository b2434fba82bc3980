"""What the records say to the public: rollouts that ended of late, those under way, and releases to come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select

from pilotage.engine.records.rows import ACTIVE
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import events, outbox, rollouts
from pilotage.engine.records.tables_beside import announcements
from pilotage.model.channel import STATUS_PAGE
from pilotage.model.event_names import types_stored
from pilotage.model.events import parse
from pilotage.model.events.course import Completed, Failed, RolledBack, StepStarted
from pilotage.model.events.people import InterventionRequired, Promoted, StepRestarted
from pilotage.model.events.trouble import (
    HoldEnded,
    HoldStarted,
    InstanceExited,
    RetryStarted,
    RollbackStarted,
    TrafficRestored,
    TrafficWithdrawn,
    VerdictChanged,
)
from pilotage.model.json import object_at, text_at
from pilotage.report.status import Happened, Planned, Rollout, Said, incident_of

_SHOWN = timedelta(days=90).total_seconds()
"""Seconds for which the page tells of rollouts."""

_SAID = timedelta(days=30).total_seconds()
"""The same of announcements."""

_PLANNED = "status_page_start"
"""The announcement of the communication calendar that speaks to the status page."""

_NOTICED = tuple(
    stored
    for kind in (
        Completed,
        Failed,
        HoldEnded,
        HoldStarted,
        InstanceExited,
        InterventionRequired,
        Promoted,
        RetryStarted,
        RollbackStarted,
        RolledBack,
        StepRestarted,
        StepStarted,
        TrafficRestored,
        TrafficWithdrawn,
        VerdictChanged,
    )
    for stored in types_stored(kind.type)
)
"""Events that an incident of the page is made of."""

_AT_ONCE = 500
"""Rollouts whose events are read by one question."""


def recorded(store: Store, now: float) -> tuple[object, ...]:
    """Changes with every event of what runs, with every end, and with every word about an announcement."""
    running = select(func.count(), func.sum(rollouts.c.events)).where(rollouts.c.status.in_(ACTIVE))
    ended = select(func.count()).where(rollouts.c.finished_at > now - _SHOWN)
    heard = select(func.count(), func.max(announcements.c.at))
    published = select(func.count(), func.max(outbox.c.sent_at)).where(outbox.c.channel == STATUS_PAGE)
    with store.engine.connect() as connection:
        return tuple(value for query in (running, ended, heard, published) for value in connection.execute(query).one())


class _Row(NamedTuple):
    """What of a rollout's row says whether it is shown."""

    id: str
    service: str
    environment: str
    version: str
    started_at: float
    finished_at: float | None


class Shown:
    """The rollouts that the page may tell of. What has ended is read once; of most ends nothing is kept but when."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ended: dict[str, Rollout] = {}

    def of(self, places: Mapping[str, str], now: float) -> list[Rollout]:
        """Those that run, and those that ended of late, in the order of their starts."""
        rows = [row for row in self._rows(now) if places.get(row.service) == row.environment]
        new = self._read([row for row in rows if row.id not in self._ended])
        self._ended = {row.id: self._ended[row.id] for row in rows if row.id in self._ended}
        self._ended |= {one.id: one for one in new.values() if one.final}
        return [new[row.id] if row.id in new else self._ended[row.id] for row in rows]

    def _rows(self, now: float) -> list[_Row]:
        query = select(*(rollouts.c[name] for name in _Row._fields)).where(rollouts.c.sequence.is_not(None))
        # Two questions, so that each finds its index.
        with self._store.engine.connect() as connection:
            running = connection.execute(query.where(rollouts.c.status.in_(ACTIVE))).all()
            ended = connection.execute(query.where(rollouts.c.finished_at > now - _SHOWN)).all()
        # What ended in between is in both.
        found = [_Row(*row) for row in (*running, *ended)]
        return sorted({row.id: row for row in found}.values(), key=lambda row: row.started_at or 0.0)

    def _read(self, rows: Sequence[_Row]) -> dict[str, Rollout]:
        live = self._store.live_views([row.id for row in rows if row.finished_at is None])
        happened = self._events([row.id for row in rows])
        found = {}
        for row in rows:
            final, closed = row.finished_at is not None, row.id in live and live[row.id].closed
            one = Rollout(
                row.id, row.service, row.version, final, closed, happened.get(row.id, ()), began=row.started_at
            )  # fmt: skip
            if row.finished_at is not None and incident_of(one) is None:
                one = replace(one, events=(), last=row.finished_at)
            found[row.id] = one
        return found

    def _events(self, identities: Sequence[str]) -> dict[str, tuple[Happened, ...]]:
        found: dict[str, list[Happened]] = {}
        columns = (events.c.rollout, events.c.at, events.c.type, events.c.data)
        for begin in range(0, len(identities), _AT_ONCE):
            some = identities[begin : begin + _AT_ONCE]
            query = select(*columns).where(events.c.rollout.in_(some), events.c.type.in_(_NOTICED))
            query = query.order_by(events.c.rollout, events.c.number)
            with self._store.engine.connect() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                found.setdefault(row.rollout, []).append(Happened(row.at, parse(row.type, row.data)))
        return {identity: tuple(all_) for identity, all_ in found.items()}


def planned(store: Store, places: Mapping[str, str], now: float) -> tuple[Planned, ...]:
    """Releases whose announcements are tracked, and that have not started."""
    query = select(announcements).where(
        announcements.c.item == _PLANNED,
        announcements.c.due > now,
        announcements.c.state.not_in(("skipped", "withdrawn")),
    )
    with store.engine.connect() as connection:
        rows = list(connection.execute(query.order_by(announcements.c.due)).mappings())
    return tuple(
        Planned(
            f"{row['service']}-{row['version']}", row["due"], f"{row['service']} {row['version']}",
            row["text"] or "A new version will be released.",
        )
        for row in rows
        if places.get(row["service"]) == row["environment"]
    )  # fmt: skip


def said(store: Store, places: Mapping[str, str], now: float) -> tuple[Said, ...]:
    """Announcements of these places that went to the page of late."""
    query = select(outbox).where(outbox.c.channel == STATUS_PAGE, outbox.c.sent_at > now - _SAID)
    with store.engine.connect() as connection:
        rows = list(connection.execute(query.order_by(outbox.c.id)).mappings())
    found = ((row, object_at(row["message"])) for row in rows if places.get(row["service"]) == row["environment"])
    return tuple(
        Said(_short(row["key"]), row["sent_at"], text_at(message, "title"), text_at(message, "text"))
        for row, message in found
        if message.get("text")  # nothing is left of what was pruned
    )


def _short(key: str) -> str:
    """An id for a page's address."""
    return f"a{hashlib.sha256(key.encode()).hexdigest()[:12]}"
