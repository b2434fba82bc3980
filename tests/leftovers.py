"""What tests leave behind: processes of Pilotage, its workers, routers and instances, that outlived the session."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

_OURS = ("pilotage.app.", "pilotage.engine.", "pilotage.demo.", "pilotage.cli.", "envoy", "traefik")


def end(folder: Path) -> list[str]:
    """Kill every process of Pilotage that was started in `folder` or for it; returns what each was started with."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            mark = process.environ().get("PILOTAGE_PROCESS", "")
            is_ours = bool(mark) or any(name in command for name in _OURS)
            if is_ours and f"{folder}/" in f"{command} {mark}/" and process.status() != psutil.STATUS_ZOMBIE:
                process.kill()
                found.append(f"{process.pid}: {command[:200]}")
    return found
