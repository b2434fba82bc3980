"""An address to listen on as people write it: `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?\.?")
_LARGEST = 65535
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that stand for every network interface, and where this machine reaches what listens there."""


def parse_address(text: str, lowest: int = 1) -> tuple[str, int]:
    """Host, an IPv6 address without its brackets, and port. lowest: 0 where the system may choose the port. Raises
    ValueError, which says what to write."""
    shown = text if len(text) <= 80 else f"{text[:80]}…"
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        number = port if port.isdigit() else "8080"
        raise ValueError(
            f"{shown!r} is not an address such as 127.0.0.1:{number}, for this machine alone, or 0.0.0.0:{number}, for "
            "every network interface"
        )
    if not (port.isascii() and port.isdigit() and lowest <= int(port[:6]) <= _LARGEST):
        raise ValueError(f"{shown!r} is not an address such as 127.0.0.1:8080: a port is {lowest} to {_LARGEST}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not _is_v6(host):
            raise ValueError(f"{shown!r} is not an address such as [::1]:8080: {host!r} is no IPv6 address")
        return host, int(port)
    if ":" in host:
        raise ValueError(f"{shown!r} is not an address: write an IPv6 address in brackets, such as [::1]:8080")
    if not _NAME.fullmatch(host) or (re.fullmatch(r"[\d.]+", host) and not _is_v4(host)):
        raise ValueError(f"{shown!r} is not an address such as 127.0.0.1:8080: {host!r} is no host")
    return host, int(port)


def show_host(host: str) -> str:
    """A host as written before a port."""
    return f"[{host}]" if ":" in host else host


def _is_v6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return "%" not in host


def _is_v4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it: all of 127.0.0.0/8, ::1, and `localhost`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
