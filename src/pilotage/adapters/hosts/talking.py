"""Gives a local program its input while reading what it writes, without keeping more than is wanted."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from dataclasses import dataclass, field

from pilotage.adapters.hosts.host import Sink

MOST = 1_000_000
_BLOCK = 65_536
_PAUSE = 0.05


@dataclass
class First:
    """Keeps the first megabyte."""

    data: bytearray = field(default_factory=bytearray)
    most: int = MOST

    def __call__(self, more: bytes) -> None:
        self.data += more[: max(0, self.most - len(self.data))]


@dataclass
class Last:
    """Keeps the last megabyte."""

    data: bytearray = field(default_factory=bytearray)

    def __call__(self, more: bytes) -> None:
        self.data += more
        if len(self.data) > 2 * MOST:
            del self.data[:-MOST]

    @property
    def end(self) -> bytes:
        return bytes(self.data[-MOST:])


def talk(process: subprocess.Popen[bytes], given: bytes, sinks: tuple[Sink, Sink], until: float) -> None:
    """Until it has ended. A process that it left running may keep its outputs open, and is not waited for. until: on
    the monotonic clock. Raises TimeoutError."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    left = memoryview(given)
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ, sinks[0])
        selector.register(process.stderr, selectors.EVENT_READ, sinks[1])
        while selector.get_map():
            if time.monotonic() >= until:
                raise TimeoutError
            has_ended = process.poll() is not None  # before the look: afterwards it may have written, and then ended
            ready = selector.select(0.0 if has_ended else min(_PAUSE, until - time.monotonic()))
            if has_ended and not ready:
                return
            for key, _ in ready:
                if key.data is None:
                    left = left[_written(key.fd, left) :]
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                elif data := os.read(key.fd, _BLOCK):
                    key.data(data)
                else:
                    selector.unregister(key.fileobj)
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None


def _written(number: int, data: memoryview) -> int:
    """How many bytes it took; all of them where it does not want to read them."""
    try:
        return os.write(number, data[:_BLOCK])
    except BlockingIOError:
        return 0
    except OSError:
        return len(data)
