"""The worker: looks at every rollout of a store when it is due, begins what waits its turn, keeps finished ones up.

`python -m pilotage.engine.worker DIRECTORY`. It is crash-only: stopping it is killing it, and the next one goes on
where it was. One worker a directory, whose file `worker.lock` is locked as long as it lives; workers of several
directories or machines may share a database, and each rollout is the one's that holds its target's lease.
"""

from __future__ import annotations

import heapq
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.engine import actions, announcing, leases
from pilotage.engine.driver import Driver, LeaseLost
from pilotage.engine.notary import Notary
from pilotage.engine.publication import noted
from pilotage.engine.queue import begin_what_waits
from pilotage.engine.releases import advance_releases
from pilotage.engine.sender import Sender
from pilotage.engine.store import Store, StoreConflict
from pilotage.engine.supervisor import lock_file
from pilotage.model.rollout import CommandKind

if TYPE_CHECKING:
    from pilotage.engine.status_page import Publisher

_log = logging.getLogger(__name__)
_POLL = 0.1
"""Seconds between two looks for new rollouts and commands."""

_KEEP_EVERY = 2.0
_PUBLISH_EVERY = 1.0
_REMIND_EVERY = 60.0
_SIGN_EVERY = 0.5
_AFTER_TROUBLE = 1.0
_MOST_FAILED_LOOKS = 5
_THREADS = 16
_RECORDS_A_SECOND = 100.0
"""Looks at which nothing happened are recorded no more often than this, all rollouts together."""


class Worker:
    """Looks at rollouts in a pool of threads, each at its own pace and never twice at once."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.store, self.holder = directory, Store(directory), leases.holder()
        self.stopping = threading.Event()
        self.looks = 0
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="look")
        self._lock = threading.Lock()
        self._due: list[tuple[float, str]] = []
        self._known: set[str] = set()
        self._busy: set[str] = set()
        self._drivers: dict[str, Driver] = {}
        self._keepers: dict[str, Driver] = {}
        self._failed: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._publisher: Publisher | None = None
        self._commanded: frozenset[str] = frozenset()
        self._heart = leases.Heart(self.store.engine, self.holder)
        self._notary = Notary(self.store.engine, directory)
        self._sender = Sender(self.store.engine, self.holder, self.stopping)

    def serve(self) -> None:
        """Work until told to stop. Trouble with the store is waited out: what runs goes on running without us."""
        polled = 0.0
        self._sender.start()
        while not self.stopping.is_set():
            try:
                if self._heart.due:
                    self._heart.beat()
                if time.monotonic() - polled >= _POLL:
                    polled = time.monotonic()
                    self._poll()
                self._dispatch()
            except Exception:
                _log.exception("the store cannot be read; trying again")
                self.stopping.wait(_AFTER_TROUBLE)
            self.stopping.wait(0.01)

    def _poll(self) -> None:
        """Take notice of new rollouts, of commands, of ends."""
        begin_what_waits(self.store, time.time())
        advance_releases(self.store, time.time())
        unfinished = set(self.store.unfinished())
        self._commanded = self.store.commanded() & unfinished
        with self._lock:
            for rollout in (unfinished - self._known) | (self._commanded - self._busy):
                heapq.heappush(self._due, (0.0, rollout))
            for rollout in self._known - unfinished - self._busy:
                self._drivers.pop(rollout, None)
                self._failed.pop(rollout, None)
            self._known = unfinished
        self._aside("keeper", _KEEP_EVERY, self._keep)
        self._aside("publisher", _PUBLISH_EVERY, self._publish)
        self._aside("reminders", _REMIND_EVERY, self._remind)
        self._aside("notary", _SIGN_EVERY, lambda: self._notary.serve(time.time()))

    def _aside(self, name: str, every: float, work: Callable[[], object]) -> None:
        """Have it done beside the looks, once in `every` seconds and never twice at once."""
        now = time.monotonic()
        with self._lock:
            if name in self._busy or now - self._began.get(name, -math.inf) < every:
                return
            self._busy.add(name)
            self._began[name] = now

        def done() -> None:
            try:
                work()
            except Exception:
                _log.exception("%s: trying again", name)
            finally:
                with self._lock:
                    self._busy.discard(name)

        self._pool.submit(done)

    def _dispatch(self) -> None:
        now = time.monotonic()
        with self._lock:
            while self._due and self._due[0][0] <= now:
                _, rollout = heapq.heappop(self._due)
                if rollout in self._known and rollout not in self._busy:
                    self._busy.add(rollout)
                    self._pool.submit(self._look, rollout)

    def _look(self, rollout: str) -> None:
        """One look, and when the next is due. A rollout that cannot be looked at is not a healthy one: after some
        failed looks it is asked to go back, by a path that needs no judge."""
        pause: float | None = _AFTER_TROUBLE
        try:
            driver = self._drivers.get(rollout) or self._driver(rollout)
            self._drivers[rollout] = driver
            driver.checkpoint_every = len(self._known) / _RECORDS_A_SECOND
            decision = driver.look(commanded=rollout in self._commanded)
            self.looks += 1
            self._failed.pop(rollout, None)
            ended = decision.state.status.final
            pause = None if ended else 0.0 if decision.events else driver.rollout.plan.number("rollout.tick")
        except (Fenced, LeaseLost, StoreConflict) as error:
            self._drivers.pop(rollout, None)
            _log.info("%s: %s", rollout, error)
        except Exception as error:
            self._drivers.pop(rollout, None)
            _log.exception("%s: the look failed; trying again", rollout)
            self._count_failure(rollout, error)
        with self._lock:
            self._busy.discard(rollout)
            if pause is not None:
                heapq.heappush(self._due, (time.monotonic() + pause, rollout))

    def _driver(self, rollout: str) -> Driver:
        return Driver(self.store, self.directory, rollout, self.holder, self._heart)

    def _count_failure(self, rollout: str, error: Exception) -> None:
        self._failed[rollout] = self._failed.get(rollout, 0) + 1
        if self._failed[rollout] == _MOST_FAILED_LOOKS:
            reason = f"an internal error: {type(error).__name__}: {error}"
            with suppress(StoreConflict):  # another worker has ended it
                self.store.command(rollout, CommandKind.ROLLBACK, "pilotage", reason)

    def _remind(self) -> None:
        announcing.remind(self.store.engine, time.time())
        actions.remind(self.store.engine, time.time())

    def _publish(self) -> None:
        if wanted := noted(self.directory):
            # Pages need what draws them; a worker without one starts without it, and so takes over sooner.
            from pilotage.engine.status_page import Publisher

            self._publisher = self._publisher or Publisher(self.store)
            try:
                self._publisher.renew(wanted, time.time())
            except OSError as error:
                _log.warning("the status page cannot be written: %s", error)

    def _keep(self) -> None:
        settled = self.store.settled()
        for gone in set(self._keepers) - {rollout.id for rollout in settled}:
            del self._keepers[gone]
        for rollout in settled:
            keeper = self._keepers.get(rollout.id)
            if keeper is None or keeper.rollout.revision != rollout.revision:
                keeper = self._keepers[rollout.id] = self._driver(rollout.id)
            self._keep_one(keeper)

    def _keep_one(self, keeper: Driver) -> None:
        try:
            keeper.keep()
        except (AdapterError, LeaseLost) as error:
            _log.info("%s: %s", keeper.rollout.id, error)
        except Exception:
            _log.exception("%s: keeping it up failed; trying again", keeper.rollout.id)


def run(directory: Path) -> int:
    """Work until told to stop by SIGTERM. Returns the exit status: 7 when another worker is at it."""
    lock = lock_file(directory / "worker.lock")
    if lock is None:
        print(f"another worker is at work in {directory}", file=sys.stderr)
        return 7
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    worker = Worker(directory)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    worker.serve()
    # Rollouts in flight are threads in the middle of a look; the look ends, the process goes, the state stays.
    time.sleep(0.2)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]).resolve()))
