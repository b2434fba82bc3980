"""One worker a folder: who holds the lock is known by more than the lock, and nobody else is ever signalled."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from pilotage.engine.execution import pulse, supervisor
from pilotage.engine.execution.supervisor import stop_worker
from pilotage.engine.placement.lock import Holder, holder_of, lock_file, present_version, worker_pid

HOLD = """
import sys, time
from pathlib import Path
from pilotage.engine.placement.lock import lock_file
lock = lock_file(Path(sys.argv[1]))
print("held" if lock else "not", flush=True)
time.sleep(60)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HOLD


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "worker.lock"


class Other:
    """A process that takes the lock."""

    def __init__(self, path: Path, program: str = HOLD) -> None:
        command = [sys.executable, "-c", program, str(path)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()


@pytest.fixture
def other(path: Path) -> Iterator[Other]:
    found = Other(path)
    yield found
    found.process.kill()
    found.process.wait()


def test_the_lock_says_who_holds_it_to_its_user_alone(path: Path, other: Other) -> None:
    assert (other.said, worker_pid(path.parent)) == ("held", other.process.pid)
    assert lock_file(path) is None
    assert path.stat().st_mode & 0o777 == 0o600
    other.process.kill()
    other.process.wait()
    assert worker_pid(path.parent) is None
    lock = lock_file(path)
    assert lock is not None
    assert lock.there()
    found = holder_of(path)
    assert found is not None
    assert (found.pid, found.version) == (os.getpid(), present_version())


def test_a_stranger_who_keeps_the_file_locked_is_no_worker_and_stops_none(path: Path, other: Other) -> None:
    """The worker died, and somebody holds on to its file."""
    with path.open("rb") as strange:
        other.process.kill()
        other.process.wait()
        fcntl.flock(strange, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert worker_pid(path.parent) is None
        began = time.monotonic()
        assert not stop_worker(path.parent, deadline=30.0)
        assert time.monotonic() - began < 20.0, "there is nobody to wait for"
        lock = lock_file(path)
        assert lock is not None
        assert lock.there()
        assert worker_pid(path.parent) == os.getpid()


def test_a_process_that_has_the_workers_id_by_now_is_never_signalled(path: Path, other: Other) -> None:
    with subprocess.Popen(["sleep", "30"]) as bystander:
        written = Holder(**json.loads(path.read_text()))
        path.write_text(json.dumps({**asdict(written), "pid": bystander.pid}))
        assert worker_pid(path.parent) is None
        assert not stop_worker(path.parent, deadline=0.1)
        assert bystander.poll() is None
        bystander.kill()
    assert other.process.poll() is None


def test_a_worker_that_does_not_listen_is_ended_after_the_deadline(path: Path) -> None:
    deaf = Other(path, DEAF)
    assert stop_worker(path.parent, deadline=0.3)
    assert deaf.process.wait(10) == -9


def test_a_worker_of_an_earlier_version_makes_way_and_one_of_a_later_stays(
    path: Path, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    written = Holder(**json.loads(path.read_text()))
    for version, stays in (("99999.0", True), (present_version(), True), ("0.0.1", False)):
        path.write_text(json.dumps({**asdict(written), "version": version}))
        supervisor.ensure_worker(path.parent)
        assert (other.process.poll() is None, bool(started)) == (stays, not stays), version


@pytest.mark.parametrize("instead", ["nothing", "a folder"])
def test_a_killed_worker_is_replaced_though_somebody_took_the_files_of_the_locks_away(
    tmp_path: Path, instead: str
) -> None:
    """Else nobody would look at what is under way until the next command."""
    supervisor.ensure_worker(tmp_path)
    try:
        first = _worker_other_than(None, tmp_path)
        for name in ("supervisor.lock", "worker.lock", "worker.log"):
            (tmp_path / name).unlink()
            if instead == "a folder":
                (tmp_path / name).mkdir()
        os.kill(first, signal.SIGKILL)
        assert _worker_other_than(first, tmp_path) != first
    finally:
        stop_worker(tmp_path)


def test_a_command_wakes_a_supervisor_that_was_stopped(tmp_path: Path) -> None:
    """Stopped, it would start no worker for the one that is killed, and no command would be obeyed."""
    supervisor.ensure_worker(tmp_path)
    try:
        first = _worker_other_than(None, tmp_path)
        there = holder_of(tmp_path / "supervisor.lock")
        assert there is not None
        there.send(signal.SIGSTOP)
        os.kill(first, signal.SIGKILL)
        supervisor.ensure_worker(tmp_path)
        assert _worker_other_than(first, tmp_path) != first
    finally:
        stop_worker(tmp_path)


def test_a_worker_that_stands_still_is_killed_and_one_that_only_takes_its_time_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped it does not end: whoever waits for its end alone leaves a bad canary with its users. How long a start (a
    migration) and an end (last words) take nobody knows."""
    monkeypatch.setattr(pulse, "MOST_SILENT", 3)
    monkeypatch.setattr(pulse, "_EVERY", 0.1)
    begins, ends = "time.sleep(1); sys.exit(3)", "pulse.beat(); pulse.end(); time.sleep(1); sys.exit(4)"
    assert [_watched(begins), _watched(ends)] == [(3, False), (4, False)]
    stands = "pulse.beat(); os.kill(os.getpid(), signal.SIGSTOP)"
    assert _watched(stands) == (-signal.SIGKILL, True)


def _watched(does: str) -> tuple[int, bool]:
    program = (
        f"import os, signal, sys, time; from pilotage.engine.execution.pulse import Pulse; pulse = Pulse(); {does}"
    )
    return pulse.run_watched([sys.executable, "-c", program], os.environ)


def _worker_other_than(one: int | None, directory: Path) -> int:
    until = time.monotonic() + 60
    while (found := worker_pid(directory)) in (None, one):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found is not None
    return found


SUPERVISES = """
import os, signal, sys
from pilotage.engine.execution.pulse import run_watched
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
run_watched(["sleep", "600"], os.environ)
"""


def test_a_worker_that_has_no_lock_yet_ends_with_its_supervisor() -> None:
    """Whoever stops both finds the worker by its lock, and one that is just starting would stay."""
    supervising = psutil.Popen([sys.executable, "-c", SUPERVISES])
    until = time.monotonic() + 30
    while not (children := supervising.children()):
        assert time.monotonic() < until
        time.sleep(0.02)
    supervising.terminate()
    gone, left = psutil.wait_procs(children, timeout=20)
    for stays in left:
        stays.kill()
    assert (gone, left) == (children, [])
    supervising.wait(20)


ASKED_TOO_EARLY = """
import os, signal, subprocess
began = subprocess.Popen.__init__
def begins(self, *given, **named):
    began(self, *given, **named)
    print(self.pid, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)  # before whoever starts it knows the process
subprocess.Popen.__init__ = begins
"""


def test_a_supervisor_that_is_stopped_while_it_starts_a_worker_leaves_none_behind() -> None:
    command = [sys.executable, "-c", ASKED_TOO_EARLY + SUPERVISES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    worker = int(done.stdout)
    left = psutil.pid_exists(worker)
    if left:
        psutil.Process(worker).kill()
    assert (done.returncode, left) == (0, False)


def test_a_supervisor_of_an_earlier_version_still_starts_a_worker(tmp_path: Path) -> None:
    """It runs until the next command, with the name that it knows, while the code beside it is new."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    process = subprocess.Popen([sys.executable, "-m", "pilotage.engine.worker", str(folder)])
    try:
        until = time.monotonic() + 30
        while worker_pid(folder) is None and time.monotonic() < until:
            time.sleep(0.05)
        assert worker_pid(folder) == process.pid
    finally:
        process.terminate()
        process.wait(20)
