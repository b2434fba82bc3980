"""An HAProxy or nginx that is there already: its configuration in the usual places, and what a release behind it
needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.routers.listening import is_free
from pilotage.app.proposals.found import LONGEST_FILE, line_with

_SOCKET = re.compile(
    r"^[ \t]*stats[ \t]+socket[ \t]+(?:ipv4@)?(/[^\s{}\"']{1,200}|[\w.-]{1,200}:\d{1,5})\b.*level[ \t]+admin"
)
_BIND = re.compile(r"^[ \t]*bind[ \t]+(?:[\w.*]*:)(\d{2,5})\b")
_PLACES = {
    "haproxy": ("haproxy.cfg", "haproxy/haproxy.cfg", "/etc/haproxy/haproxy.cfg", "/usr/local/etc/haproxy/haproxy.cfg"),
    "nginx": ("nginx.conf", "nginx/nginx.conf", "/etc/nginx/nginx.conf", "/usr/local/etc/nginx/nginx.conf"),
}
ADMIN_SOCKET = "/run/haproxy/admin.sock"
"""Where Debian's HAProxy has it."""


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """kind: of the router · source: its configuration file · section: of the router, as lines of YAML · metrics: the
    section of the same kind · todo: what is left to do, a sentence."""

    kind: str
    source: str
    section: tuple[str, ...]
    metrics: str
    todo: str


def balancers(folder: Path, service: str, root: Path = Path("/")) -> Sequence[Balancer]:
    """Those whose configuration is in the folder or in the usual places of this machine. root: of the machine."""
    found = []
    for kind, places in _PLACES.items():
        for place in places:
            path = root / place.lstrip("/") if place.startswith("/") else folder / place
            if (text := _text(path)) is not None:
                found.append(balancer(kind, service, text, place))
                break
    return found


def balancer(kind: str, service: str, text: str = "", source: str = "") -> Balancer:
    """What a release behind one of these kinds needs. text: of its configuration, as far as there is one."""
    return _haproxy(service, text, source) if kind == "haproxy" else _nginx(service, source)


def _text(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_FILE)
    except OSError:
        return None


def _haproxy(service: str, text: str, source: str) -> Balancer:
    socket, bound = line_with(_SOCKET, text), line_with(_BIND, text)
    address = socket[1] if socket else ADMIN_SOCKET
    url = f"http://127.0.0.1:{bound[1]}" if bound else ""
    wanted = "" if socket else f"add `stats socket {ADMIN_SOCKET} mode 660 level admin` to its global section; "
    return Balancer(
        kind="haproxy",
        source=source,
        section=(
            f'address: "{address}"   # its stats socket, with level admin',
            "files: /etc/haproxy/pilotage   # a folder for Pilotage's files",
            f"name: {service}",
            *([f'url: "{url}"   # where users reach the service'] if url else []),
            "sticky: {cookie: pilotage_user}",
        ),
        metrics="{kind: haproxy}   # add log: with its log, for latencies",
        todo=f"{wanted}`pilotage doctor` shows the lines to add to {source or 'haproxy.cfg'}",
    )


def _nginx(service: str, source: str) -> Balancer:
    control = next((port for port in range(9101, 9200) if is_free("127.0.0.1", port)), 9101)
    return Balancer(
        kind="nginx",
        source=source,
        section=(
            f"file: /etc/nginx/pilotage/{service}.conf   # Pilotage's own file",
            f'control: "127.0.0.1:{control}"   # where nginx says what it serves',
            "sticky: {cookie: pilotage_user}",
            f"log: /var/log/nginx/{service}.log   # requests, for metrics",
        ),
        metrics="{kind: nginx}",
        todo=f"`pilotage doctor` shows the lines to add to {source or 'nginx.conf'}",
    )
