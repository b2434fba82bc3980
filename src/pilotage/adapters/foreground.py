"""Runs a command to its end, within its time: what it writes goes to a log, its end into a sentence."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pilotage.adapters.files import open_log
from pilotage.adapters.ports import AdapterError

_MOST_OUTPUT = 1 << 20
_TAIL = 4096


@dataclass(frozen=True, kw_only=True)
class Ended:
    """status: None when its time was up · lines: the last ones that it wrote."""

    status: int | None
    lines: tuple[str, ...]


def run_to_end(
    command: Sequence[str], environment: Mapping[str, str], cwd: Path | str, timeout: float, log: Path
) -> Ended:
    """Run it without a shell. Its children end with it; what it says beyond a megabyte is dropped. timeout: seconds.
    Raises AdapterError if it cannot be started."""
    with open_log(log) as output:
        return follow(command, environment, cwd, timeout, _Limited(output).write)


def follow(
    command: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path | str,
    timeout: float,
    write: Callable[[bytes], object],
) -> Ended:
    """The same, and everything that it says is written on as it comes."""
    try:
        process = subprocess.Popen(
            list(command), cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise AdapterError(f"{command[0]}: {getattr(error, 'strerror', None) or error}") from None
    try:
        until = time.monotonic() + timeout
        tail = _followed(process, until, write)
        status = _status(process, until)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return Ended(status=status, lines=tuple(tail.decode(errors="replace").strip().splitlines()))


class _Limited:
    def __init__(self, output: IO[bytes]) -> None:
        self._output, self._left = output, _MOST_OUTPUT

    def write(self, chunk: bytes) -> None:
        self._output.write(chunk[: self._left])
        self._left = max(0, self._left - len(chunk))


def _followed(process: subprocess.Popen[bytes], until: float, write: Callable[[bytes], object]) -> bytes:
    """Write on what it says, until it ends or its time is up. Returns the end of that."""
    assert process.stdout is not None
    tail, descriptor = b"", process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            has_ended = process.poll() is not None  # before the look: afterwards it may have written, and then ended
            if selector.select(0.0 if has_ended else min(left, 0.2)):
                chunk = os.read(descriptor, 65536)
                if not chunk:
                    break
                write(chunk)
                tail = (tail + chunk)[-_TAIL:]
            elif has_ended:
                break
    return tail


def _status(process: subprocess.Popen[bytes], until: float) -> int | None:
    try:
        return process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
