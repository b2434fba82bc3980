"""Whether a server is alive, and whether it can do its work: what load balancers and orchestrators ask."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from enum import StrEnum

from pilotage.engine.placement.lock import worker_pid
from pilotage.engine.records.own_figures import heard_lately, revision_of
from pilotage.engine.records.restored import half_restored
from pilotage.engine.records.revision import NEWEST
from pilotage.engine.records.setbacks import standing
from pilotage.engine.records.store import Store

_LEAST_ROOM = 64 << 20
"""Bytes."""
_LATELY = 30.0
"""Seconds without a heartbeat of any worker after which an operator should look."""


class Grade(StrEnum):
    """FAIL: it can answer nothing now · WARN: it answers, but something needs an operator."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """One thing that was checked. detail: a sentence without secrets, addresses or names of users."""

    name: str
    grade: Grade
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ServerHealth:
    """checks: each with its own grade; the whole is as bad as the worst."""

    checks: tuple[HealthCheck, ...]

    @property
    def grade(self) -> Grade:
        grades = {one.grade for one in self.checks}
        return next((grade for grade in (Grade.FAIL, Grade.WARN) if grade in grades), Grade.OK)

    @property
    def ready(self) -> bool:
        """Whether requests may come. A silent worker is no reason to send them elsewhere: pages and `abort` work."""
        return self.grade is not Grade.FAIL

    @property
    def http_status(self) -> int:
        return 200 if self.ready else 503


def alive() -> ServerHealth:
    """That this process answers. Asks nothing else: a store that is away is no reason to restart the server."""
    return ServerHealth(checks=(HealthCheck(name="process", grade=Grade.OK, detail="answers"),))


def ready(store: Store, unread: str = "") -> ServerHealth:
    """Whether the store answers, has the tables of this version, and a worker is heard. Bounded by the store's own
    limits; run it in a thread. unread: that pilotage.yaml cannot be used, for everybody to read; empty while it can."""
    began = time.perf_counter()
    if half_restored(store.directory) is not None:
        cut_off = HealthCheck(name="store", grade=Grade.FAIL, detail="a restore was interrupted")
        return ServerHealth(checks=(cut_off,))
    try:
        revision = revision_of(store.engine)
        heard = heard_lately(store.engine)
        older = len(standing(store.engine))
    except Exception as error:
        # Its text may hold an address or a statement.
        detail = f"the store does not answer: {type(error).__name__}"
        return ServerHealth(checks=(HealthCheck(name="store", grade=Grade.FAIL, detail=detail),))
    took = time.perf_counter() - began
    return ServerHealth(
        checks=(
            HealthCheck(name="store", grade=Grade.OK, detail="answers", seconds=took),
            _migration(revision),
            _worker(store, heard),
            *_room(store),
            *((_records(older),) if older else ()),
            *((HealthCheck(name="configuration", grade=Grade.WARN, detail=unread),) if unread else ()),
        )
    )


def _room(store: Store) -> tuple[HealthCheck, ...]:
    """Reads need none, so a store that cannot be written looks well."""
    try:
        free = shutil.disk_usage(store.directory).free
    except OSError as error:
        return (HealthCheck(name="disk", grade=Grade.WARN, detail=f"cannot be measured: {type(error).__name__}"),)
    if free >= _LEAST_ROOM:
        return ()
    detail = f"{free >> 20} MiB are free: changes will be refused; make room, or run `pilotage prune`"
    return (HealthCheck(name="disk", grade=Grade.WARN, detail=detail),)


def _records(older: int) -> HealthCheck:
    left = "1 environment is left" if older == 1 else f"{older} environments are left"
    detail = f"{left} as found: the records are older than what was done there; run `pilotage store accept`"
    return HealthCheck(name="records", grade=Grade.WARN, detail=detail)


def _migration(revision: int | None) -> HealthCheck:
    if revision == NEWEST:
        return HealthCheck(name="migration", grade=Grade.OK, detail=f"revision {NEWEST:04d}")
    found = "none" if revision is None else f"{revision:04d}"
    return HealthCheck(name="migration", grade=Grade.FAIL, detail=f"revision {found}, this version needs {NEWEST:04d}")


def _worker(store: Store, heard: float | None) -> HealthCheck:
    if worker_pid(store.directory) is not None:
        return HealthCheck(name="worker", grade=Grade.OK, detail="runs in this folder")
    if heard is None:
        return HealthCheck(name="worker", grade=Grade.WARN, detail="none runs here, and none was ever heard")
    detail = f"heard {heard:.0f} s ago"
    return HealthCheck(name="worker", grade=Grade.OK if heard < _LATELY else Grade.WARN, detail=detail)
