"""Ports that are free on a host, as its kernel says."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pilotage.adapters.hosts.host import Host
from pilotage.adapters.ports import AdapterError

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_CLOSED = ("06", "07")
"""States of connections that are over: TIME_WAIT and CLOSE hold no port that a server could not take."""


_LISTENS = "0A"


def used_ports(host: Host) -> frozenset[int]:
    """Ports of TCP that are in use there. Raises Unreachable, AdapterError."""
    return _ports(host, lambda state: state not in _CLOSED)


def listening_ports(host: Host) -> frozenset[int]:
    """Ports of TCP on which something listens there. Connections that a killed server has left hold no port that the
    next one could not take. Raises Unreachable, AdapterError."""
    return _ports(host, lambda state: state == _LISTENS)


def _ports(host: Host, counts: Callable[[str], bool]) -> frozenset[int]:
    done = host.run(["cat", *_TABLES], within=5.0)
    used = set()
    for row in done.out.decode(errors="replace").splitlines():
        fields = row.split()
        if len(fields) > 3 and counts(fields[3]) and (port := fields[1].rpartition(":")[2]):
            used.add(int(port, 16) if _is_hex(port) else 0)
    if done.status and not done.out:
        raise AdapterError(f"cannot tell which ports are free: {done.said}")
    return frozenset(used)


def _is_hex(text: str) -> bool:
    return all(character in "0123456789ABCDEFabcdef" for character in text)


def next_port(ports: range, used: Collection[int], after: int) -> int | None:
    """The first free one of `ports` behind `after`, round and round: a port that was just given back is the last to be
    given again. None where all are in use."""
    begin = after - ports.start + 1 if after in ports else 0
    return next((port for port in (*ports[begin:], *ports[:begin]) if port not in used), None)
