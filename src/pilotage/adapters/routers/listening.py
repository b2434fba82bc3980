"""Whether the address that users reach is free. Two routers can share a port (SO_REUSEPORT), and the kernel then splits
users between them, whatever either of them says: so none is started where another process listens."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress

import psutil

from pilotage.adapters.ports import AdapterError
from pilotage.model.text import line

_LONGEST = 160
_EVERYWHERE = ("0.0.0.0", "::")
_DYING = 2.0
"""Seconds that a killed process may keep its port: until the last of its threads has ended nobody can see it any more,
but the kernel still sends it users."""


def refuse_taken(host: str, port: int) -> None:
    """Raise AdapterError, with who it is where that can be seen, when a process listens on this address."""
    until = time.monotonic() + _DYING
    while not _free(host, port):
        who = _who(host, port)
        if who or time.monotonic() >= until:
            raise AdapterError(
                f"the router cannot listen on {host}:{port}, where {who or 'another process'} listens. Stop that, or "
                "give router.listen another port"
            )
        time.sleep(0.05)


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Connections that have ended do not count; a listener does, whether or not it would share.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _who(host: str, port: int) -> str:
    """The living process that listens there, in words; empty where none can be seen."""
    with suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            at = found.laddr
            if found.status != psutil.CONN_LISTEN or not found.pid or not at or at.port != port:
                continue
            if host in _EVERYWHERE or at.ip in (host, *_EVERYWHERE):
                return _named(found.pid)
    return ""


def _named(pid: int) -> str:
    """A process in words: its name, its id, and what it was started with."""
    process = psutil.Process(pid)
    with suppress(psutil.Error):
        return f"{process.name()} (process {pid}: {line(' '.join(process.cmdline()), _LONGEST)})"
    return f"process {pid}"
