"""The worker: gives every rollout of a store its looks, starts queued rollouts, and keeps finished ones running.

It is crash-only: stopping it means killing it, and the next one continues. There is one worker per directory, which
holds a lock on `worker.lock` while it runs. Workers of several directories or machines may share a database; each
rollout belongs to the worker that holds its target's lease.

Everything that may hang has a thread of its own: the heart that renews leases, the store's news, the queue, finished
rollouts, messages, and every job. The loop here only starts looks, and touches neither store nor target.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence, Set
from functools import partial
from pathlib import Path

from pilotage.adapters.clock import SYSTEM
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.driver import Driver
from pilotage.engine.execution.groups import advance_groups
from pilotage.engine.execution.jobs import Job
from pilotage.engine.execution.keeping import Keeping
from pilotage.engine.execution.looking import Looking
from pilotage.engine.execution.pulse import Pulse
from pilotage.engine.execution.recorder import AWAY
from pilotage.engine.execution.regularly import Regularly
from pilotage.engine.execution.sender import Sender
from pilotage.engine.execution.troubles import Troubles
from pilotage.engine.execution.worker_log import keep_log
from pilotage.engine.integrity.notary import Notary
from pilotage.engine.placement import leases
from pilotage.engine.placement.location import place_of
from pilotage.engine.placement.lock import WORKER, Lock, lock_file
from pilotage.engine.records import outbox
from pilotage.engine.records.checkpoints import Checkpoints
from pilotage.engine.records.news import News, only_when_changed
from pilotage.engine.records.queue import begin_what_waits
from pilotage.engine.records.store import Store
from pilotage.engine.records.store_file import StoreFile
from pilotage.engine.rescue.strays import Strays, leave_unwatched
from pilotage.engine.rescue.stuck import leave_to_stable, tell_stuck
from pilotage.model.clock import Clock
from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_POLL = 0.1
"""Seconds between two looks for new rollouts and commands."""

_KEEP_EVERY = 2.0
_SIGN_EVERY = 0.5
_TURN = 0.001
"""Seconds that a thread computes before another one has its turn. Python's own 5 ms are paid again after every
statement to the store: next to thousands of looks, taking one more rollout in hand took a fifth of a second."""

_LAST_LOOKS = 1.0
"""Seconds that looks under way have to end."""
_LAST_WORDS = 3.0
"""Seconds in which messages of a store that is gone may still go out."""

_MOST_FAILED = 5
"""Times that a worker tries to open its store before it takes users back."""
_TRIED_AGAIN = 1.0

STORE_GONE = 75
"""Exit status: the store is another one now, and a worker that opens it again is to continue."""


class Worker:
    """Makes looks in a pool of threads. `ended_by`: why it stopped by itself; empty if it was stopped."""

    def __init__(self, directory: Path, clock: Clock = SYSTEM, jobs: Sequence[Job] = ()) -> None:
        self._jobs = jobs
        self.directory, self.store, self.holder = directory, Store(directory, clock=clock), leases.holder()
        self.stopping = threading.Event()
        self.ended_by = ""
        self._crew, self._troubles = Crew(), Troubles()
        self._checkpoints = Checkpoints(self.store, self.stopping)
        self._heart = leases.LeaseKeeper(self.store.engine, self.holder)
        self._looking = Looking(self.store, directory, self._overseen, self._crew, self._troubles)
        self._keeping = Keeping(self.store, self._driver, self._troubles)
        self._strays = Strays(self.store, directory, self._in_hand)
        self._notary = Notary(self.store.engine, directory)
        self._pulse = Pulse()
        self._file, self._suspected = StoreFile(self.store.engine, directory), ""
        self._left: tuple[Rollout, ...] = ()
        self._sender = Sender(self.store.engine, self.holder, self.stopping, self.store.clock)

    @property
    def looks(self) -> int:
        """How many looks there have been."""
        return self._looking.looks

    def serve(self) -> None:
        """Run until stopped. If the store fails, the worker waits: instances keep running, and its rollouts get their
        looks."""
        sys.setswitchinterval(_TURN)
        self._heart.start()
        self._sender.start()
        self._checkpoints.start()
        own: tuple[tuple[str, float, Callable[[], object]], ...] = (
            ("news", _POLL, News(self.store, self.holder, self._looking).poll),
            ("queue", _POLL, only_when_changed(self.store.engine, self._advance)),
            ("store file", _POLL, self._mind_the_file),
            ("keeper", _KEEP_EVERY, self._keeping.tick),
            ("strays", _KEEP_EVERY, self._strays.tick),
            ("notary", _SIGN_EVERY, lambda: self._notary.serve(self.store.clock.now())),
        )
        others: list[tuple[str, float, Callable[[], object]]] = [
            (job.name, job.every, self._work_of(job)) for job in self._jobs
        ]
        threads = [Regularly(*one).start(self.stopping) for one in [*own, *others]]
        while not self.stopping.is_set():
            pause = self._looking.tend()
            self._pulse.beat()
            self.stopping.wait(pause)
        self._pulse.end()
        # Rollouts in progress are threads in the middle of a look; the look ends, or is left, and the state stays.
        self._keeping.finish()
        self._looking.finish(_LAST_LOOKS)
        for thread in threads:
            thread.join(_LAST_LOOKS / len(threads))
        self._heart.stop()

    def _work_of(self, job: Job) -> Callable[[], object]:
        work = partial(job.work, self.store)
        return work if job.idle is None else only_when_changed(self.store.engine, work, job.idle)

    def _driver(self, rollout: str) -> Driver:
        return Driver(self.store, self.directory, rollout, self.holder, self._heart, self._crew)

    def _overseen(self, rollout: str) -> Driver:
        """The rollout, for this worker to look at. Raises LeaseLost, which costs far less than reading it in vain."""
        if leases.held_by_others(self.store.engine, self.holder, rollout):
            raise leases.LeaseLost(f"another worker holds the target of {rollout}")
        return Driver(
            self.store, self.directory, rollout, self.holder, self._heart, self._crew,
            checkpoints=self._checkpoints, overseen=True,
        )  # fmt: skip

    def _advance(self) -> None:
        begin_what_waits(self.store, self.store.clock.now())
        advance_groups(self.store, self.store.clock.now())

    def _mind_the_file(self) -> None:
        """Exit if the store is no longer the opened one: commands go to the new one."""
        found = self._file.gone()
        if not found or found != self._suspected:
            self._suspected = found
            return
        self.ended_by = f"{found}; this worker exits, and the next one opens the current store"
        _log.error(self.ended_by)
        self._left = self._looking.under_way
        self.stopping.set()
        for rollout in self._left:
            # A look that is under way meets this record as one of another worker, and drops its rollout.
            tell_stuck(self.store, rollout.id, f"{found}. No worker observes this rollout any more")

    def _in_hand(self) -> Set[Path]:
        return {place_of(self.directory, one.service, one.environment) for one in self._looking.under_way}

    def leave_users_to_stable(self) -> None:
        """Take the users of what is in hand back, once no look is made any more."""
        for rollout in self._left:
            leave_to_stable(self.directory, rollout)

    def last_words(self) -> None:
        """Send the last messages from the store that nobody else sees any more."""
        until, again = time.monotonic() + _LAST_WORDS, threading.Event()
        Sender(self.store.engine, self.holder, again, self.store.clock).start()
        while time.monotonic() < until and outbox.waiting(self.store.engine):
            time.sleep(0.1)
        again.set()


def run(directory: Path, jobs: Sequence[Job] = ()) -> int:
    """Run until SIGTERM. Returns the exit status: 7 if another worker is running."""
    lock = lock_file(directory / WORKER)
    if lock is None:
        print(f"another worker is running in {directory}", file=sys.stderr)
        return 7
    keep_log()
    worker = _opened(directory, jobs)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    worker.serve()
    os._exit(_end(worker, lock))


def _opened(directory: Path, jobs: Sequence[Job]) -> Worker:
    """The worker, once its store can be used. Until then nothing observes rollouts, so users of unfinished ones are
    returned."""
    failed = 0
    while True:
        try:
            return Worker(directory, jobs=jobs)
        except AWAY as error:
            failed += 1
            _log.error("the store is unusable, retrying: %s", str(error).partition("\n")[0])
            if failed >= _MOST_FAILED:
                leave_unwatched(directory)
        time.sleep(_TRIED_AGAIN)


def _end(worker: Worker, lock: Lock) -> int:
    if not worker.ended_by:
        return 0
    try:
        worker.leave_users_to_stable()
        worker.last_words()
    except Exception:
        _log.exception("could not notify anyone")
    # If the whole folder was moved away, do not create it again for a worker that nobody needs.
    return STORE_GONE if lock.there() else 0
