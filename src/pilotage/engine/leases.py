"""One executor per target: a lease in the store, with a token that grows at every change of hands (rule 4)."""

from __future__ import annotations

import math
import os
import socket
import time

import psutil
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.tables import leases

DURATION = 6.0
"""Seconds after which a holder that was not heard of has lost the lease."""


def holder() -> str:
    """This process: host, process id and start time."""
    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def acquire(engine: Engine, target: str, by: str) -> int | None:
    """Take or renew the lease on `target`; returns its token, None while another holds it.

    A holder on this host whose process is gone has lost it at once.
    """
    with engine.begin() as connection:
        query = select(leases).where(leases.c.target == target).with_for_update()
        row = connection.execute(query).mappings().first()
        now = time.time()  # the row may have had to be waited for
        if row is None:
            return _first(connection, target, by, now)
        mine = row["holder"] == by
        if not mine and row["expires_at"] > now and not gone(row["holder"]):
            return None
        token = int(row["token"]) + (0 if mine else 1)
        connection.execute(
            update(leases).where(leases.c.target == target).values(holder=by, token=token, expires_at=now + DURATION)
        )
        return token


class Heart:
    """Renews all that one holder has, in one statement; `beats` is whether it was done lately enough to rely on."""

    def __init__(self, engine: Engine, by: str) -> None:
        self._engine, self._by = engine, by
        self._beat = -math.inf

    def beat(self) -> None:
        """Extend what is still held; what was lost meanwhile stays lost."""
        began = time.monotonic()
        with self._engine.begin() as connection:
            mine = update(leases).where(leases.c.holder == self._by)
            connection.execute(mine.values(expires_at=time.time() + DURATION))
        self._beat = began

    @property
    def beats(self) -> bool:
        return time.monotonic() - self._beat < DURATION / 2

    @property
    def due(self) -> bool:
        return time.monotonic() - self._beat > DURATION / 4


def _first(connection: Connection, target: str, by: str, now: float) -> int | None:
    """Nobody had it yet; of two who ask at once one gets it."""
    try:
        connection.execute(insert(leases).values(target=target, holder=by, token=1, expires_at=now + DURATION))
    except IntegrityError:
        connection.rollback()
        return None
    return 1


def gone(by: str) -> bool:
    """Whether that holder was a process of this machine and is no more."""
    host, pid, started = by.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return abs(process.create_time() - float(started)) > 0.05 or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
