"""The lock of a process that there is one of, with who holds it: process id, start and boot, and its version.

The kernel frees the lock when the process ends. Who holds a lock without being the process that its file names is a
stranger, and no worker: such a file makes way.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO

from pilotage.adapters.identity import boot_id, is_zombie, pid_namespace, start_ticks

WORKER = "worker.lock"
"""The file in the state's folder that the worker at work there keeps locked."""

_PATIENCE = 0.5
"""Seconds for which a lock without a living holder is waited for: someone may just look, or write down who it is."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process. started: ticks since boot · version: of the Pilotage it runs, empty for one that did not say."""

    pid: int
    started: int | None
    boot: str
    namespace: str
    version: str

    @property
    def lives(self) -> bool:
        if (self.boot, self.namespace) != (boot_id(), pid_namespace()):
            return False
        return self.started is not None and start_ticks(self.pid) == self.started and not is_zombie(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Signal this very process, and no other that has its id by now."""
        if not hasattr(os, "pidfd_open"):
            if self.lives:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            return
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return
        try:
            if self.lives:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


class Lock:
    """Held by this process as long as it lives."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file

    def there(self) -> bool:
        """Whether the path still names the file that is locked."""
        return _same(self._path, self._file)


def lock_file(path: Path) -> Lock | None:
    """Take the lock; None when another living process holds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = time.monotonic() + _PATIENCE
    while True:
        file = _opened(path)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(path, file):
                _write_down(file)
                return Lock(path, file)
        file.close()
        if holder_of(path) is not None:
            return None
        if time.monotonic() > until:
            return _in_place_of_a_stranger(path)
        time.sleep(0.02)


def holder_of(path: Path) -> Holder | None:
    """The running process that holds the lock; None if nobody does, or a process that is not Pilotage's."""
    try:
        with path.open("rb") as file:
            written = _read(file.read(4096))
            if written is None or not written.lives:
                return None
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return written
    except OSError:
        return None
    return None


def worker_pid(directory: Path) -> int | None:
    """The process id of the worker at work in `directory`, or None."""
    found = holder_of(directory / WORKER)
    return found.pid if found else None


@cache
def present_version() -> str:
    from importlib.metadata import version

    return version("pilotage")


def _in_place_of_a_stranger(path: Path) -> Lock | None:
    """Use a new file in place of one that another process keeps locked; of two that do so at the same time, the last
    one stays."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    file = os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _write_down(file)
    beside.replace(path)
    time.sleep(0.1)
    if _same(path, file):
        return Lock(path, file)
    file.close()
    return None


def _opened(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    if path.is_dir():
        from pilotage.adapters.files import set_aside

        set_aside(path, "it is a folder")
    file = os.fdopen(os.open(path, flags, 0o600), "r+b")
    with contextlib.suppress(OSError):
        os.fchmod(file.fileno(), 0o600)
    return file


def _write_down(file: IO[bytes]) -> None:
    pid = os.getpid()
    mine = Holder(
        pid=pid, started=start_ticks(pid), boot=boot_id(), namespace=pid_namespace(), version=present_version()
    )
    content = json.dumps(asdict(mine)).encode()
    file.seek(0)
    file.write(content)
    file.truncate(len(content))
    file.flush()


def _read(content: bytes) -> Holder | None:
    text = content.strip()
    if text.isdigit() and len(text) < 10:
        return _earlier(int(text))
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _earlier(pid: int) -> Holder | None:
    """An earlier Pilotage wrote its process id alone: it is one if that process says so itself."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    if b"pilotage" not in command:
        return None
    return Holder(pid=pid, started=start_ticks(pid), boot=boot_id(), namespace=pid_namespace(), version="")


def _same(path: Path, file: IO[bytes]) -> bool:
    try:
        there, mine = path.stat(), os.fstat(file.fileno())
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
