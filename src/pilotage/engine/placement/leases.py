"""One executor per target: a lease in the store, with a token that grows at every change of hands (rule 4).

Leases expire by the clock of the database, so the clocks of workers do not matter: PostgreSQL's own, or this machine's
for a file. What the target's fence has seen is never undercut, also when the store was lost or went back in time.
"""

from __future__ import annotations

import logging
import math
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
from sqlalchemy import ColumnElement, Connection, Engine, Float, cast, insert, literal, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.adapters.identity import boot_id, pid_namespace, start_ticks
from pilotage.engine.records.home import FIRST_NAMESPACE, LEASE
from pilotage.engine.records.rows import ACTIVE
from pilotage.engine.records.tables import leases, rollouts

_log = logging.getLogger(__name__)

DURATION = LEASE
"""Seconds without a heartbeat after which a holder loses the lease."""

_BEAT_EVERY = DURATION / 4


class LeaseLost(Exception):
    """Another worker holds the target's lease, or may hold it alone."""


def holder() -> str:
    """This process: `host/pid/start/boot/namespace/machine`. start: ticks since boot · machine: empty in a container,
    whose image may name one that is not its own."""
    inside = pid_namespace().strip("pid:[]")
    ticks = start_ticks(os.getpid())
    return f"{_host()}/{os.getpid()}/{ticks}/{boot_id()}/{inside}/{_machine()}"


def gone(by: str) -> bool:
    """Whether that holder was a process of this machine that has exited. A process in another container or on another
    machine cannot be seen from here, so its lease has to expire."""
    parts = by.split("/")
    if len(parts) != 6:
        return False  # an earlier Pilotage's
    host, pid, started, boot, namespace, machine = parts
    if boot != boot_id():
        return bool(machine) and (host, machine) == (_host(), _machine())
    if not boot and host != _host():
        return False
    if namespace != pid_namespace().strip("pid:[]"):
        return False
    return str(start_ticks(int(pid))) != started or _is_zombie(int(pid))


def acquire(
    engine: Engine,
    target: str,
    by: str,
    *,
    above: int = 0,
    within: Callable[[Connection], None] | None = None,
    force: bool = False,
) -> int | None:
    """Take or renew the lease on `target`; returns its token, None while another holds it.

    A holder on this machine whose process has exited loses it immediately. The token grows when the lease changes
    hands, and is raised above `above`, what the target's fence has seen. within: runs in the same transaction, before
    the lease is given; an error in it leaves the lease unchanged · force: take it from any holder.
    """
    with engine.begin() as connection:
        query = select(leases).where(leases.c.target == target).with_for_update()
        row = connection.execute(query).mappings().first()
        now = now_of(connection)  # the row may have had to be waited for
        if within:
            within(connection)
        if row is None:
            return _first(connection, target, by, above + 1, now)
        mine = row["holder"] == by
        if not mine and not force and row["expires_at"] > now and not gone(row["holder"]):
            _shorten(connection, target, row["expires_at"], now)
            return None
        token = int(row["token"]) + (0 if mine else 1)
        token = max(token, above + 1)
        connection.execute(
            update(leases).where(leases.c.target == target).values(holder=by, token=token, expires_at=now + DURATION)
        )
        return token


def held_by(engine: Engine, target: str) -> str | None:
    """Who holds the lease on `target` now; None if nobody does."""
    with engine.connect() as connection:
        row = connection.execute(select(leases).where(leases.c.target == target)).mappings().first()
        if row is None or row["expires_at"] <= now_of(connection) or gone(row["holder"]):
            return None
        return str(row["holder"])


def held_by_others(engine: Engine, by: str, rollout: str | None = None) -> frozenset[str]:
    """Ids of the rollouts under way whose target a living worker other than `by` holds; of `rollout` alone, where it is
    given."""
    here = leases.c.target == rollouts.c.service + "/" + rollouts.c.environment
    query = select(rollouts.c.id, leases.c.holder).join(leases, here).where(rollouts.c.status.in_(ACTIVE))
    if rollout:
        query = query.where(rollouts.c.id == rollout)
    with engine.connect() as connection:
        now = now_of(connection)
        rows = connection.execute(query.where(leases.c.holder != by, leases.c.expires_at > now)).all()
    living = {holder for holder in {row.holder for row in rows} if not gone(holder)}
    return frozenset(row.id for row in rows if row.holder in living)


def now_of(connection: Connection) -> float:
    """Seconds since 1970 by the database's clock: PostgreSQL's, or this machine's for a file."""
    return float(connection.scalar(select(_clock(connection))) or 0.0)


class LeaseKeeper:
    """Renews all leases of one holder in a thread of its own, so that nothing else can delay it. It knows which leases
    the last beat renewed: lost ones, and those that a database forgot when it went back in time, are not among them."""

    def __init__(self, engine: Engine, by: str) -> None:
        self._engine, self._by = engine, by
        self._beat = -math.inf
        self._held: frozenset[str] = frozenset()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; the leases run out by themselves."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_BEAT_EVERY)

    def beat(self) -> None:
        """Extend leases that are still held; lost ones stay lost."""
        began = time.monotonic()
        with self._engine.begin() as connection:
            mine = update(leases).where(leases.c.holder == self._by)
            connection.execute(mine.values(expires_at=_clock(connection) + DURATION))
            held = connection.scalars(select(leases.c.target).where(leases.c.holder == self._by))
            renewed = frozenset(held)
        self._held, self._beat = renewed, began

    def holds(self, target: str) -> bool:
        """Whether the last beat renewed the lease on `target`, and lately enough to rely on."""
        return self.beats and target in self._held

    @property
    def beats(self) -> bool:
        """Whether the last beat was lately enough that no lease can have run out since."""
        return time.monotonic() - self._beat < DURATION / 2

    def is_late_for(self, target: str) -> bool:
        """Whether the last beat renewed the lease on `target` and the next one is overdue: asking for it next to the
        heart, by everyone who holds one, would only make the heart wait longer."""
        return not self.beats and target in self._held and self._thread.is_alive()

    def _go_on(self) -> None:
        told = False
        while not self._stopping.is_set():
            try:
                self.beat()
                told = False
            except Exception as error:
                if not told:
                    _log.warning("cannot renew leases: %s", error)
                told = True
            self._stopping.wait(_BEAT_EVERY)


def _first(connection: Connection, target: str, by: str, token: int, now: float) -> int | None:
    """Nobody had it yet; of two simultaneous callers one gets it."""
    try:
        connection.execute(insert(leases).values(target=target, holder=by, token=token, expires_at=now + DURATION))
    except IntegrityError:
        connection.rollback()
        return None
    return token


def _shorten(connection: Connection, target: str, expires_at: float, now: float) -> None:
    """A lease that lasts longer than any does was given before the database's clock went back."""
    if expires_at > now + 2 * DURATION:
        connection.execute(update(leases).where(leases.c.target == target).values(expires_at=now + DURATION))


def _clock(connection: Connection) -> ColumnElement[float]:
    if connection.dialect.name == "postgresql":
        return cast(literal_column("extract(epoch from clock_timestamp())"), Float)
    # SQLite is on this machine, and so is its clock.
    return literal(time.time(), Float)


def _is_zombie(pid: int) -> bool:
    with suppress(psutil.Error):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return False


def _host() -> str:
    return re.sub(r"[/\s]", "-", socket.gethostname())


@cache
def _machine() -> str:
    """Names this machine through its boots; empty where that cannot be known."""
    if pid_namespace() != FIRST_NAMESPACE:
        return ""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    return ""
