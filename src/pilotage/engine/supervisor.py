"""Keeps a worker running: starts it, and starts it again when it was killed. Detached from any terminal.

`python -m pilotage.engine.supervisor DIRECTORY`. Under systemd or a container, run `pilotage worker` instead and
let that restart it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from pilotage.adapters.files import open_log
from pilotage.engine.location import made, make_private

MARKS = ("PILOTAGE_PROCESS", "PILOTAGE_PROCESS_FACTS")
"""By these the programs of a target are found again (`adapters.processes`)."""


def ensure_worker(directory: Path) -> None:
    """See that a worker is at work in `directory`; starts a supervised one if not. Returns at once."""
    if held(directory / "worker.lock") or held(directory / "supervisor.lock"):
        return
    made(directory)
    # What starts a worker may itself be an instance or a hook: the worker is not a part of it.
    environment = {name: value for name, value in os.environ.items() if name not in MARKS}
    with open_log(directory / "worker.log") as log:
        subprocess.Popen(
            [sys.executable, "-m", "pilotage.engine.supervisor", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment,
            cwd="/",
        )


def stop_worker(directory: Path, deadline: float = 10.0) -> bool:
    """Stop supervisor and worker, and wait until they are gone. Returns whether any was there."""
    found = False
    until = time.monotonic() + deadline
    for name in ("supervisor.lock", "worker.lock"):
        while held(directory / name):
            found = True
            if pid := _written_pid(directory / name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM if time.monotonic() < until else signal.SIGKILL)
            time.sleep(0.05)
    return found


def worker_pid(directory: Path) -> int | None:
    """The process id of the worker at work in `directory`, or None."""
    return _written_pid(directory / "worker.lock") if held(directory / "worker.lock") else None


def held(path: Path) -> bool:
    """Whether a living process holds the lock; the kernel knows, whatever the file says."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def lock_file(path: Path) -> IO[bytes] | None:
    """The locked file, with this process's id in it; None when another process holds it. Freed by the kernel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever can open it can lock it: others of the machine must not.
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "a+b")
    make_private(path)
    # Somebody who only looks holds it for an instant.
    for _ in range(10):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
            continue
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        return file
    file.close()
    return None


def _written_pid(path: Path) -> int | None:
    content = path.read_bytes().strip()
    return int(content) if content.isdigit() else None


def _supervise(directory: Path) -> int:
    lock = lock_file(directory / "supervisor.lock")
    if lock is None:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    delay = 0.1
    while True:
        began = time.monotonic()
        # The worker must not inherit the supervisor's lock.
        code = subprocess.run(
            [sys.executable, "-m", "pilotage.engine.worker", str(directory)],
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
        if code in (0, 7):
            return 0
        delay = 0.1 if time.monotonic() - began > 5 else min(delay * 2, 5.0)
        time.sleep(delay)


if __name__ == "__main__":
    sys.exit(_supervise(Path(sys.argv[1]).resolve()))
