"""A free port on this machine: nothing listens on it, no outgoing connection can take it, and it was not given out
recently.

One race remains: between the choice and the start of the instance, another program may take the port. The fleet notices
and starts the instance again on another port.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from pilotage.adapters.identity import boot_id

_LOWEST, _USUAL_EPHEMERAL = 10240, 32768
_TRIES = 200
_GIVEN = 60.0
"""Seconds for which a port is not given out again: by then its instance listens."""


def free_port(taken: Collection[int] = ()) -> int:
    """A port below the range from which the system takes those of outgoing connections, and none of `taken`. Raises
    OSError."""
    with _given() as given:
        for _ in range(_TRIES):
            port = random.randrange(_LOWEST, _ephemeral())
            if port in taken or str(port) in given or not _is_free(port):
                continue
            given[str(port)] = time.monotonic()
            return port
    raise OSError(errno.EADDRINUSE, f"no free port between {_LOWEST} and {_ephemeral()}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _given() -> Iterator[dict[str, float]]:
    """Ports given out recently on this machine, by any process of this user; read and written under a lock. The
    register is optional: if no such file can be created, there is none."""
    path = Path(tempfile.gettempdir()) / f"pilotage-ports-{os.getuid()}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield {}
        return
    with os.fdopen(descriptor, "r+b") as file:
        if os.fstat(file.fileno()).st_uid != os.getuid():
            yield {}
            return
        if not _locked(file.fileno()):
            yield {}
            return
        given = _recent(file.read(1 << 20))
        yield given
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"boot": boot_id(), "given": given}).encode())


def _locked(descriptor: int) -> bool:
    """Whether the lock was to be had within a second: a stopped process may hold it."""
    for _ in range(100):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


def _recent(content: bytes) -> dict[str, float]:
    """What of it still counts; nothing of what cannot be read or is of another boot."""
    with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
        said, now = json.loads(content), time.monotonic()
        if said["boot"] == boot_id():
            return {str(port): float(at) for port, at in said["given"].items() if 0 <= now - float(at) < _GIVEN}
    return {}


def _ephemeral() -> int:
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return _USUAL_EPHEMERAL
    return lowest if lowest > 2 * _LOWEST else 65536
