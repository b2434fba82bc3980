"""Where the logs of a version's instances are."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from pilotage.engine.placement.location import place_of

_MOST = 3


def logs_of(directory: Path, service: str, environment: str, version: str) -> tuple[str, ...]:
    """The newest logs on this machine, as paths to type here; none where the fleet keeps them elsewhere. directory: the
    state's."""
    folder = place_of(directory, service, environment) / "fleet" / "logs"
    found = sorted(folder.glob(f"{glob.escape(version)}-*.log"), key=lambda path: path.stat().st_mtime)
    return tuple(_typed(path) for path in found[-_MOST:])


def _typed(path: Path) -> str:
    """Whole where this process runs at the root, as the worker does: people read its documents elsewhere."""
    return str(path.absolute()) if Path.cwd().parent == Path.cwd() else os.path.relpath(path)
