"""Under which names browsers may reach a server that was not told its address.

Links that hold a secret lead where the request's `Host` says, and a request may say any. A name of somebody else's that
leads to this machine (DNS rebinding) is refused too.
"""

from __future__ import annotations

import ipaddress
import re

from starlette.requests import Request

from pilotage.web.problem import Refused
from pilotage.web.site import Site

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")
"""A name or an address, and a port."""


class StrangeHost(Refused):
    """The server does not know itself by the name under which it was asked."""

    code = "strange-host"
    exit_status, http_status = 2, 421


def refuse_strange_host(site: Site, request: Request) -> None:
    """Raises StrangeHost."""
    if site.url:
        return
    given = request.headers.get("host", "")
    name, (local, _) = _name(given), request.scope.get("server") or ("", 0)
    if not name or not (is_loopback(name) or name in site.hosts or name == local):
        raise StrangeHost(
            f"this server does not know itself as {given[:200]!r}",
            cure="start it with --url and the address that browsers use, or set server.url in pilotage.yaml",
        )


def _name(host: str) -> str:
    """Without its port; empty for what is none."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


def is_loopback(name: str) -> bool:
    """Whether it is a name of the machine itself, which no other machine reaches by it."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
