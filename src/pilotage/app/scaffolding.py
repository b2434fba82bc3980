"""Files to begin with for whoever runs Pilotage on a server: units of systemd, an image, alert rules, a dashboard."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pilotage.engine.placement.lock import present_version
from pilotage.render.own_dashboard import own_dashboard

_FILES = Path(__file__).with_name("scaffold")


class Scaffold(StrEnum):
    """What can be printed."""

    WORKER_UNIT = "worker-unit"
    SERVER_UNIT = "server-unit"
    BACKUP_UNIT = "backup-unit"
    BACKUP_TIMER = "backup-timer"
    CONTAINERFILE = "containerfile"
    COMPOSE = "compose"
    ALERTS = "alerts"
    DASHBOARD = "dashboard"


_NAMED = {
    Scaffold.WORKER_UNIT: "worker.service", Scaffold.SERVER_UNIT: "server.service",
    Scaffold.BACKUP_UNIT: "backup.service", Scaffold.BACKUP_TIMER: "backup.timer",
    Scaffold.CONTAINERFILE: "Containerfile", Scaffold.COMPOSE: "compose.yaml", Scaffold.ALERTS: "alerts.yaml",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Values:
    """What is filled in. user: whom the units run as · listen: address and port of the server."""

    folder: Path
    user: str
    listen: str


def scaffold(kind: Scaffold, values: Values) -> str:
    """The file, complete."""
    if kind is Scaffold.DASHBOARD:
        return json.dumps(own_dashboard(), indent=2) + "\n"
    text = (_FILES / _NAMED[kind]).read_text(encoding="utf-8")
    filled = {
        "@FOLDER@": str(values.folder), "@USER@": values.user, "@LISTEN@": values.listen,
        "@PROGRAM@": str(_program()), "@VERSION@": present_version(),
    }  # fmt: skip
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text


def _program() -> Path:
    """The `pilotage` that belongs to this Python, by its full path, as systemd wants it."""
    beside = Path(sys.executable).with_name("pilotage")
    return beside if beside.exists() else Path(sys.argv[0]).resolve()
