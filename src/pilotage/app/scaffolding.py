"""Files to begin with for whoever runs Pilotage on a server: units of systemd, an image, alert rules, a dashboard."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pilotage.engine.placement.lock import present_version
from pilotage.model.errors import Invalid
from pilotage.model.text import line
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


_FREE = 1024
"""The lowest port that anybody may listen on."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """What is filled in. config: pilotage.yaml, absolute · state: the folder of the state · user: whom the units run as
    · listen, port: of the server · options: more that its command is given."""

    config: Path
    state: Path
    user: str
    listen: str
    port: int
    options: Sequence[str] = ()

    @property
    def folder(self) -> Path:
        return self.config.parent


def scaffold(kind: Scaffold, values: Values) -> str:
    """The file, complete. Raises Invalid where a path holds what no unit can."""
    if kind is Scaffold.DASHBOARD:
        return json.dumps(own_dashboard(), indent=2) + "\n"
    text = (_FILES / _NAMED[kind]).read_text(encoding="utf-8")
    for mark, value in _filled(values).items():
        text = text.replace(mark, value)
    return text


def _filled(values: Values) -> dict[str, str]:
    """What stands for each mark. An argument of systemd's ends at a space, and % and $ begin something."""
    own, elsewhere = values.config.name == "pilotage.yaml", values.state != values.folder / ".pilotage"
    return {
        "@FOLDER@": _literal(str(values.folder)), "@USER@": _literal(values.user),
        "@LISTEN@": _argument(values.listen),
        "@OPTIONS@": "".join(f" {_argument(one)}" for one in values.options),
        "@PROGRAM@": _argument(str(_program())) + ("" if own else f" --config {_argument(values.config.name)}"),
        "@WRITTEN@": " ".join(map(_quoted, (str(values.folder), *([str(values.state)] if elsewhere else ())))),
        "@ENVIRONMENT@": f"Environment={_quoted(f'PILOTAGE_STATE={values.state}')}\n" if elsewhere else "",
        "@CAPABILITIES@": "CAP_NET_BIND_SERVICE" if 0 < values.port < _FREE else "", "@VERSION@": present_version(),
    }  # fmt: skip


def _literal(text: str) -> str:
    """As the whole value of a setting."""
    if not text.isprintable():
        raise Invalid(f"{line(text, 80)!r} holds what no unit of systemd can", cure="give the folder another name")
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """As one of several values."""
    escaped = _literal(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(escaped) & set(" \"'\\;") else escaped


def _argument(text: str) -> str:
    """As an argument of a command."""
    return _quoted(text).replace("$", "$$")


def _program() -> Path:
    """The `pilotage` that belongs to this Python, by its full path, as systemd wants it."""
    beside = Path(sys.executable).with_name("pilotage")
    return beside if beside.exists() else Path(sys.argv[0]).resolve()
