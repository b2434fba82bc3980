"""What a status says of every environment, read in a dozen questions however many there are.

It has the methods of a `Store` that a status asks, and answers them from what it read. All answers are of the moment
at which it was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from pilotage.engine.placement import leases
from pilotage.engine.records.events_of_many import events_of_many
from pilotage.engine.records.grid import every_place
from pilotage.engine.records.home import Home, home_seen_from, known_here
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import environments
from pilotage.engine.records.tables import leases as lease_rows
from pilotage.engine.records.tables_beside import schedules
from pilotage.model.events import RecordsAccepted, RecordsWentBack
from pilotage.model.live import NOTHING_SEEN, LiveView
from pilotage.model.record import Rollout, RolloutSummary

_SETBACK = (RecordsWentBack.type, RecordsAccepted.type)


class AtOnce:
    """now: Unix seconds, at which freezes hold · told: a type of event whose sentences will be asked for."""

    def __init__(self, store: Store, now: float, told: str) -> None:
        self._store, self._here = store, known_here(store.directory)
        self._places = {(row.service, row.environment): row for row in every_place(store.engine)}
        self._queued = defaultdict[tuple[str, str], list[RolloutSummary]](list)
        for one in store.queued():
            self._queued[one.service, one.environment].append(one)
        newest = [row.newest.id for row in self._places.values() if row.newest]
        self._live = store.live_views(newest)
        self._said = events_of_many(store.engine, newest, (told, *_SETBACK))
        with store.engine.connect() as connection:
            self._homes = dict(_homes(connection))
            self._now = leases.now_of(connection)
            self._tracked = _tracked(connection)
        self._frozen = store.frozen_places(now)
        self._untold, self._unsigned = store.untold(), store.unsigned()

    def serving(self, service: str, environment: str) -> tuple[str, ...]:
        found = self._places.get((service, environment))
        return found.serving if found else ()

    def newest(self, service: str, environment: str) -> RolloutSummary | None:
        found = self._places.get((service, environment))
        return found.newest if found else None

    def queued(self, service: str, environment: str) -> tuple[RolloutSummary, ...]:
        return tuple(self._queued[service, environment])

    def get(self, identity: str) -> Rollout:
        return self._store.get(identity)

    def live_views(self, identities: Sequence[str]) -> dict[str, LiveView]:
        return {identity: self._live.get(identity, NOTHING_SEEN) for identity in identities}

    def home(self, _directory: Path, service: str, environment: str) -> Home | None:
        found = self._homes.get((service, environment))
        return None if found is None else home_seen_from(self._here, *found, self._now)

    def frozen(self, service: str, environment: str, _now: float) -> tuple[tuple[str, float, str], ...]:
        return tuple(self._frozen.get((service, environment), ()))

    def tracks(self, service: str, environment: str) -> bool:
        return (service, environment) in self._tracked

    def told(self, rollout: str, type_: str) -> tuple[str, ...]:
        return tuple(one.sentence for one in self._said.get(rollout, ()) if one.type == type_)

    def setback(self, rollout: str) -> str:
        found = [one for one in self._said.get(rollout, ()) if one.type in _SETBACK]
        return found[-1].sentence if found and found[-1].type == RecordsWentBack.type else ""

    def untold(self) -> tuple[tuple[str, int, str], ...]:
        return self._untold

    def unsigned(self) -> tuple[int, str]:
        return self._unsigned


def _homes(connection: Connection) -> Iterator[tuple[tuple[str, str], tuple[str, str | None, float | None]]]:
    """Place, and its home: id, name, and when its lease ends."""
    leased = {
        row.target: row.expires_at for row in connection.execute(select(lease_rows.c.target, lease_rows.c.expires_at))
    }
    here = environments.c
    for row in connection.execute(select(here.service, here.environment, here.home, here.home_name)):
        if row.home is not None:
            place = (row.service, row.environment)
            yield place, (row.home, row.home_name, leased.get("/".join(place)))


def _tracked(connection: Connection) -> frozenset[tuple[str, str]]:
    """Places where people work on a scheduled release."""
    query = select(schedules.c.service, schedules.c.environment).where(schedules.c.dropped == "").distinct()
    return frozenset((row.service, row.environment) for row in connection.execute(query))
