"""Keeps a worker running: starts it, and starts it again when it was killed or hangs. Detached from any terminal.

`python -m pilotage.engine.execution.supervisor DIRECTORY`. Under systemd or in a container, run `pilotage worker`
instead, and let that restart it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pilotage.adapters.files import open_log
from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.pulse import MOST_SILENT, run_watched
from pilotage.engine.placement.location import made
from pilotage.engine.placement.lock import WORKER, Holder, holder_of, lock_file, present_version

MARKS = ("PILOTAGE_PROCESS", "PILOTAGE_PROCESS_FACTS")
"""By these the programs of a target are found again (`adapters.processes`)."""

JOB_MARKS = ("RUNNER_TRACKING_ID", "JENKINS_NODE_COOKIE", "JENKINS_SERVER_COOKIE", "BUILD_ID")
"""By these GitHub's runner and Jenkins find what a job has left running, and end it."""

_SUPERVISOR = "supervisor.lock"
_KILLED_WITHIN = 2.0
"""Seconds that a process has to be gone once it was killed."""


class WorkerStays(AdapterError):
    """The worker could not be stopped. The message names the process."""


def ensure_worker(directory: Path) -> None:
    """Make sure that a worker of this version runs in `directory`; start a supervised one if not. One of an earlier
    version is replaced. Returns immediately, unless there is one to stop."""
    here = [found for name in (WORKER, _SUPERVISOR) if (found := holder_of(directory / name))]
    if any(_is_earlier(found.version) for found in here):
        stop_worker(directory)
    elif here:
        for stopped in here:
            # A process stopped with SIGSTOP ignores this; a running one does not notice it.
            stopped.send(signal.SIGCONT)
        return
    made(directory)
    # What starts a worker may itself be an instance, a hook or a job: the worker is not a part of it.
    environment = {name: value for name, value in os.environ.items() if name not in (*MARKS, *JOB_MARKS)}
    with open_log(directory / "worker.log") as log:
        subprocess.Popen(
            [sys.executable, "-m", "pilotage.engine.execution.supervisor", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment,
            cwd="/",
        )


def stop_worker(directory: Path, deadline: float = 10.0) -> bool:
    """Stop supervisor and worker, and wait until they are gone: gracefully, by force after `deadline` seconds. Returns
    whether any was there. Raises WorkerStays. Only the very processes that hold the locks are signalled."""
    found = False
    for name in (_SUPERVISOR, WORKER):
        if (there := holder_of(directory / name)) is not None:
            found = True
            _stop(there, directory / name, deadline)
    return found


def _stop(there: Holder, lock: Path, deadline: float) -> None:
    for number, patience in ((signal.SIGTERM, deadline), (signal.SIGKILL, _KILLED_WITHIN)):
        there.send(number)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not there.lives or holder_of(lock) != there:
                return
            time.sleep(0.02)
    raise WorkerStays(f"process {there.pid} holds {lock} and does not exit, even after SIGKILL; check its disk")


def _is_earlier(version: str) -> bool:
    return version != present_version() and _numbers(version) < _numbers(present_version())


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers a version starts with; none for one that did not say."""
    parts = []
    for part in version.split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def _supervise(directory: Path) -> int:
    lock = lock_file(directory / _SUPERVISOR)
    if lock is None:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    delay = 0.1
    while True:
        began = time.monotonic()
        code, hung = run_watched([sys.executable, "-m", "pilotage.app.worker_process", str(directory)], os.environ)
        if hung:
            said = f"the worker in {directory} made no progress for {MOST_SILENT} s; killed it, a new one starts"
            print(said, file=sys.stderr, flush=True)
        if code in (0, 7):
            return 0
        if not lock.there():
            # The file was removed. If the folder is gone too, no worker is needed.
            found = lock_file(directory / _SUPERVISOR) if directory.is_dir() else None
            if found is None:
                return 0
            lock = found
        delay = 0.1 if time.monotonic() - began > 5 else min(delay * 2, 5.0)
        time.sleep(delay)


if __name__ == "__main__":
    sys.exit(_supervise(Path(sys.argv[1]).resolve()))
