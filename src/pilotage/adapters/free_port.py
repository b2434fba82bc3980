"""A port on this machine that nobody listens on, and that no outgoing connection takes meanwhile."""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

_LOWEST, _USUAL_EPHEMERAL = 10240, 32768
_TRIES = 200


def free_port() -> int:
    """A port below the range from which the system takes those of outgoing connections. Raises OSError."""
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, _ephemeral())
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(errno.EADDRINUSE, f"no free port between {_LOWEST} and {_ephemeral()}")


def _ephemeral() -> int:
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return _USUAL_EPHEMERAL
    return lowest if lowest > 2 * _LOWEST else 65536
