"""The worker: executes every rollout of a store as a durable workflow, and keeps finished ones up.

`python -m pilotage.engine.worker DIRECTORY`. It is crash-only: stopping it is killing it, and the next one goes on
where it was. One worker a directory; the file `worker.lock` is locked as long as it lives.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.engine import leases
from pilotage.engine.driver import Driver, LeaseLost
from pilotage.engine.store import Rollout, Store, StoreConflict
from pilotage.engine.supervisor import lock_file
from pilotage.model.rollout import CommandKind

_log = logging.getLogger(__name__)
_KEEP_EVERY = 2.0
_RESTART_AFTER = 10.0
_MOST_FAILED_LOOKS = 5


class _Worker:
    """What the workflows of this process share."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = Store(directory)
        self.holder = leases.holder()
        self.stopping = threading.Event()
        self.at_work: set[str] = set()

    def advance(self, rollout: str, drivers: dict[str, Driver]) -> str:
        """One durable step: look until something happens. Trouble of this worker's own is retried: an exception
        here would end the workflow, and the rollout would be left alone. A rollout that cannot be looked at is not
        a healthy one: after some failed looks it is asked to go back, by a path that needs no judge."""
        failed = 0
        while True:
            if self.stopping.is_set():
                threading.Event().wait()
            try:
                driver = drivers.get(rollout) or Driver(self.store, self.directory, rollout, self.holder)
                drivers[rollout] = driver
                return driver.advance(self.stopping.is_set)
            except (Fenced, LeaseLost, StoreConflict) as error:
                _log.warning("%s: %s", rollout, error)
            except Exception as error:
                _log.exception("%s: the look failed; trying again", rollout)
                failed += 1
                if failed == _MOST_FAILED_LOOKS:
                    reason = f"an internal error: {type(error).__name__}: {error}"
                    self.store.command(rollout, CommandKind.ROLLBACK, "pilotage", reason)
            drivers.pop(rollout, None)
            time.sleep(1)


_worker: _Worker | None = None


@DBOS.step(name="advance")
def _advance(rollout: str) -> str:
    assert _worker is not None
    return _worker.advance(rollout, _drivers)


_drivers: dict[str, Driver] = {}


@DBOS.workflow(name="rollout")
def _roll(rollout: str) -> str:
    assert _worker is not None
    _worker.at_work.add(rollout)
    try:
        while True:
            outcome = _advance(rollout)
            if _worker.store.get(rollout).state.status.final:
                _drivers.pop(rollout, None)
                return outcome
    finally:
        _worker.at_work.discard(rollout)


def run(directory: Path) -> int:
    """Work until told to stop by SIGTERM. Returns the exit status: 7 when another worker is at it."""
    global _worker
    lock = lock_file(directory / "worker.lock")
    if lock is None:
        print(f"another worker is at work in {directory}", file=sys.stderr)
        return 7
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    _worker = worker = _Worker(directory)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    config: DBOSConfig = {
        "name": "pilotage",
        "system_database_url": f"sqlite:///{directory / 'dbos.sqlite'}",
        # A worker of any version goes on with any rollout: what it does is decided by the recorded state alone.
        "application_version": "pilotage",
        "executor_id": "worker",
        "log_level": "ERROR",
        "console_log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    _serve(worker)
    # Rollouts in flight are threads in the middle of a look; the look ends, the process goes, the state stays.
    time.sleep(0.2)
    os._exit(0)


def _serve(worker: _Worker) -> None:
    asked: dict[str, tuple[int, float]] = {}
    kept = 0.0
    while not worker.stopping.is_set():
        for rollout in worker.store.unfinished():
            _take_up(worker, rollout, asked)
        if time.monotonic() - kept > _KEEP_EVERY:
            _keep(worker)
            kept = time.monotonic()
        worker.stopping.wait(0.2)


def _take_up(worker: _Worker, rollout: str, asked: dict[str, tuple[int, float]]) -> None:
    """Start the rollout's workflow unless it runs. Its id makes that idempotent; if durable execution lost or
    ended a workflow whose rollout is not finished, another one takes its place."""
    tries, when = asked.get(rollout, (0, 0.0))
    if rollout in worker.at_work or (tries and time.monotonic() - when < _RESTART_AFTER):
        return
    asked[rollout] = (tries + 1, time.monotonic())
    with SetWorkflowID(rollout if tries == 0 else f"{rollout}~{time.time():.0f}"):
        DBOS.start_workflow(_roll, rollout)


def _keep(worker: _Worker) -> None:
    for rollout in worker.store.settled():
        try:
            _keeper(worker, rollout).keep()
        except (AdapterError, LeaseLost) as error:
            _log.warning("%s: %s", rollout.id, error)
        except Exception:
            _log.exception("%s: keeping it up failed; trying again", rollout.id)


_keepers: dict[str, Driver] = {}


def _keeper(worker: _Worker, rollout: Rollout) -> Driver:
    if rollout.id not in _keepers:
        _keepers[rollout.id] = Driver(worker.store, worker.directory, rollout.id, worker.holder)
    return _keepers[rollout.id]


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]).resolve()))
