"""Checks whether the address for users is free. Two routers can share a port (SO_REUSEPORT), and the kernel then splits
users between them, so none is started where another process listens."""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress

import psutil

from pilotage.adapters.ports import AdapterError
from pilotage.model.address import show_host
from pilotage.model.text import line

_LONGEST = 160
_EVERYWHERE = ("0.0.0.0", "::")
_DYING = 2.0
"""Seconds for which a killed process may keep its port: until its last thread has ended it is invisible, but the kernel
still sends it users."""


_CURES = {
    errno.EACCES: "Ports below 1024 need extra rights: use another port, or grant them",
    errno.EADDRNOTAVAIL: "This machine has no such address: use one of its own, or 0.0.0.0 for all of them",
}


def refuse_taken(host: str, port: int) -> None:
    """Raise AdapterError where nothing can listen on this address: with who does, if that can be seen, or why not."""
    place = f"{show_host(host)}:{port}"
    until = time.monotonic() + _DYING
    while (refused := _refused(host, port)) == errno.EADDRINUSE:
        who = _who(host, port)
        if who or time.monotonic() >= until:
            raise AdapterError(
                f"the router cannot listen on {place}, where {who or 'another process'} listens. Stop that, or give "
                "router.listen another port"
            )
        time.sleep(0.05)
    if refused in _CURES:
        raise AdapterError(f"the router cannot listen on {place}: {os.strerror(refused)}. {_CURES[refused]}")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on this address."""
    return not _refused(host, port)


def _refused(host: str, port: int) -> int:
    """The error number of listening there; 0 where nothing speaks against it, or the name of the host is not known."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # Connections that have ended do not count; a listener does, whether or not it would share.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror:
        return 0
    except OSError as error:
        return error.errno or 0
    return 0


def _who(host: str, port: int) -> str:
    """The process that listens there, in words; empty if none is visible."""
    with suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            at = found.laddr
            if found.status != psutil.CONN_LISTEN or not found.pid or not at or at.port != port:
                continue
            if host in _EVERYWHERE or at.ip in (host, *_EVERYWHERE):
                return _named(found.pid)
    return ""


def _named(pid: int) -> str:
    """A process in words: its name, its id, and its command line."""
    process = psutil.Process(pid)
    with suppress(psutil.Error):
        return f"{process.name()} (process {pid}: {line(' '.join(process.cmdline()), _LONGEST)})"
    return f"process {pid}"
