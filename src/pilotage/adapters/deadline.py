"""One deadline for a whole exchange: a socket's own timeout starts again with every byte it gets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

from pilotage.adapters import resolving


class Deadline:
    """`connect` returns a socket that is shut down when the time is over, whatever wraps it by then. late: whether it
    was."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._watched: list[socket.socket] = []
        self.late = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        for watched in self._watched:
            watched.close()

    @property
    def left(self) -> float:
        """Seconds; below 0 when the time is over."""
        return self._until - time.monotonic()

    def connect(self, address: str, port: int) -> socket.socket:
        """Raises OSError, and TimeoutError when no time is left."""
        if self.left <= 0:
            self.late = True
            raise TimeoutError("no time left")
        made = resolving.connect(address, port, self._until)
        # A copy reaches the connection even when TLS has taken the socket over.
        self._watched.append(made.dup())
        return made

    def _cut(self) -> None:
        self.late = True
        for watched in self._watched:
            with contextlib.suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)
