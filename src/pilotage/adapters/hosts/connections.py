"""The connections of this process: shared by all who talk to a host, kept while they are in use, opened again when they
are cut."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from pilotage.adapters.hosts.channel import Channel, Late, Taken
from pilotage.adapters.hosts.host import Unreachable
from pilotage.adapters.hosts.login import Destination, log_in

_MOST = 8
"""Connections to one host: one for each command that runs there at the same time."""
_IDLE = 60.0
"""Seconds after which a connection that nobody uses is closed."""
_WAITS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds without another try after a first, second, … failed login."""


class Line:
    """The connections to one host."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._changed = threading.Condition()
        self._free: list[Channel] = []
        self._count = 0
        self._failures, self._not_before, self._why = 0, 0.0, ""
        self.home, self.took = "", 0.0

    @contextmanager
    def channel(self, within: float, *, fresh: bool = False) -> Iterator[tuple[Channel, bool]]:
        """A connection for one request, and whether it was used before; closed if the request fails. fresh: not one
        that was used before. Raises Unreachable."""
        channel, used = self._acquire(time.monotonic() + within, fresh=fresh)
        good = False
        try:
            yield channel, used
            good = True
        except (Late, Taken):
            good = True
            raise
        finally:
            self._release(channel, good=good)

    def _acquire(self, until: float, *, fresh: bool) -> tuple[Channel, bool]:
        with self._changed:
            while True:
                while self._free:
                    channel = self._free.pop()
                    if not fresh and channel.alive:
                        return channel, True
                    self._count -= 1
                    channel.close()
                if self._count < _MOST:
                    break
                if not self._changed.wait(until - time.monotonic()):
                    raise Unreachable(f"{self._destination.shown}: {_MOST} commands are running there already")
            if time.monotonic() < self._not_before:
                raise Unreachable(self._why)
            self._count += 1
        return self._open(until), False

    def _open(self, until: float) -> Channel:
        try:
            opened = log_in(self._destination, max(0.1, until - time.monotonic()))
        except BaseException as error:
            with self._changed:
                self._count -= 1
                if isinstance(error, Unreachable):
                    self._why = str(error)
                    self._not_before = time.monotonic() + _WAITS[min(self._failures, len(_WAITS) - 1)]
                    self._failures += 1
                self._changed.notify()
            raise
        with self._changed:
            self._failures, self.home, self.took = 0, opened.home, opened.took
        _start_tidying()
        return opened.channel

    def _release(self, channel: Channel, *, good: bool) -> None:
        with self._changed:
            if good:
                self._free.append(channel)
            else:
                self._count -= 1
            self._changed.notify()
        if not good:
            channel.close()

    def tidy(self, before: float) -> int:
        """Close what was last used before then. Returns how many connections are left."""
        with self._changed:
            old = [channel for channel in self._free if channel.used < before]
            self._free = [channel for channel in self._free if channel.used >= before]
            self._count -= len(old)
            left = self._count
        for channel in old:
            channel.close()
        return left


class _Lines:
    """All of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, Line] = {}
        self._tidying = False
        atexit.register(self.close)

    def to(self, destination: Destination) -> Line:
        key = f"{destination.name}\0{destination.base}\0{destination.section.model_dump_json()}"
        with self._lock:
            return self._lines.setdefault(key, Line(destination))

    def close(self) -> None:
        """Close what nobody uses now."""
        with self._lock:
            for line in self._lines.values():
                line.tidy(float("inf"))

    def start_tidying(self) -> None:
        with self._lock:
            if self._tidying:
                return
            self._tidying = True
        threading.Thread(target=self._tidy, name="ssh-tidy", daemon=True).start()

    def _tidy(self) -> None:
        """Ends when no connection is left."""
        while True:
            time.sleep(_IDLE / 4)
            with self._lock:
                if not sum([line.tidy(time.monotonic() - _IDLE) for line in self._lines.values()]):
                    self._tidying = False
                    return


@lru_cache(maxsize=1)
def _of_process(pid: int) -> _Lines:  # noqa: ARG001 - a forked process must not use its parent's connections
    return _Lines()


def _start_tidying() -> None:
    _of_process(os.getpid()).start_tidying()


def line_to(destination: Destination) -> Line:
    """The connections to this host."""
    return _of_process(os.getpid()).to(destination)


def close_all() -> None:
    """Close the connections of this process that nobody uses now."""
    _of_process(os.getpid()).close()
