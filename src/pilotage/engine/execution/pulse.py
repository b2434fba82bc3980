"""Tells the supervisor that its worker is alive: one byte per second through a pipe, which needs no disk and no store.

A worker may be stopped, or hang as a whole, without exiting; then nothing would observe its rollouts.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

MOST_SILENT = 10
"""Seconds of silence, after a first beat, with which a worker counts as hung. They are counted one by one, so that a
machine that sleeps, or has no time for the supervisor either, makes no worker look hung."""

_REQUESTS = (signal.SIGTERM, signal.SIGINT)
_PIPE = "PILOTAGE_PULSE"
_EVERY = 1.0


class Pulse:
    """The worker's end. Without a supervisor it does nothing."""

    def __init__(self) -> None:
        named = os.environ.pop(_PIPE, "")
        self._pipe = int(named) if named.isdecimal() else -1
        self._next = 0.0
        with contextlib.suppress(OSError):
            os.set_inheritable(self._pipe, False)

    def beat(self) -> None:
        """Called repeatedly by the loop that must not hang."""
        if self._pipe >= 0 and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            # A stopped or missing supervisor is not this process's concern.
            with contextlib.suppress(OSError):
                os.write(self._pipe, b".")

    def end(self) -> None:
        """From now on silence means nothing: how long the last words take is not known."""
        with contextlib.suppress(OSError):
            os.close(self._pipe)
        self._pipe = -1


def run_watched(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bool]:
    """Run a worker until it ends; kill it when it hangs. Returns its exit status, and whether it was killed here.
    Where this is interrupted the worker ends, too."""
    listening, beating = os.pipe()
    worker: subprocess.Popen[bytes] | None = None
    try:
        os.set_blocking(beating, False)
        with _signals_wait():
            worker = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=(beating,), env={**environment, _PIPE: str(beating)}
            )
        os.close(beating)
        beating = -1
        hangs = _hangs(listening)
        if hangs:
            worker.kill()
        return worker.wait(), hangs
    except BaseException:
        # A caller that stops this process finds the worker by its lock, which a starting one does not hold yet.
        if worker is not None:
            worker.kill()
            worker.wait()
        raise
    finally:
        os.close(listening)
        if beating >= 0:
            os.close(beating)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Delay signals to exit until a process has started: otherwise it would be left behind unknown."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda got, _: arrived.append(got)) for number in _REQUESTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for asked in arrived:
            signal.raise_signal(asked)


def _hangs(listening: int) -> bool:
    """Wait for the end of the pulse: True when it went silent, False when it ended."""
    silent, beaten = 0, False
    while silent < MOST_SILENT:
        ready, _, _ = select.select([listening], [], [], _EVERY)
        if ready and not os.read(listening, 4096):
            return False
        beaten = beaten or bool(ready)
        silent = silent + 1 if beaten and not ready else 0
    return True
