"""One proposal of all that a folder's files tell: the start, the health path, and the port that users know."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pilotage.app.proposals.found import Proposal, line_with, text_of
from pilotage.app.proposals.starts import installed_versions, propose_start

_FILES_THAT_ASK = (
    "Dockerfile", "Containerfile", "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
    "fly.toml", "render.yaml", "app.json", "railway.json", "railway.toml",
)  # fmt: skip
_ASKED = re.compile(
    r"(?:curl|wget|healthcheck)\b.*?https?://[^/\s\"']+(/[\w./-]*)"
    r"|(?:healthcheckpath|health_check_path|^path)[\"']?[ \t]*[:=][ \t]*[\"']?(/[\w./-]*)",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    "[\"'`](?:GET )?(/healthz|/health|/readyz|/livez|/ready|/up|/ping|/api/health|/-/health|/_health)/?[\"'`]"
)
_PUBLISHED = re.compile(r"^[ \t]*-[ \t]*[\"']?(?:[\d.]+:)?(\d{2,5}):\d{2,5}")
_EXPOSED = re.compile(r"^EXPOSE[ \t]+(\d{2,5})", re.IGNORECASE)
_SOURCES = (".py", ".js", ".mjs", ".ts", ".go", ".rs", ".rb", ".java", ".kt", ".php", ".ex", ".cs")
_MOST_FILES = 300
_NOT_OURS = ("node_modules", "vendor", "venv", "dist", "build", "target", "tests", "test", "__pycache__")


def propose(folder: Path) -> Proposal:
    """What the files of this folder tell; without a command where none of them says how the service starts."""
    found = propose_start(folder) or installed_versions(folder) or Proposal()
    health, where = _health(folder, found)
    return replace(found, health=health, health_source=where, port=_port(folder))


def _health(folder: Path, found: Proposal) -> tuple[str, str]:
    """The path of a container's or a platform's health check, one in the code, or that of the framework; otherwise
    `/`."""
    for name in _FILES_THAT_ASK:
        text, _ = text_of(folder, name)
        if asked := line_with(_ASKED, text.replace("\\\n", " ")):
            return next(path for path in asked.groups() if path), name
    if "--server.port={port}" in found.command:
        return "/actuator/health", found.source
    for path, name in _in_the_code(folder):
        return path, name
    if found.source == "bin/rails":
        return "/up", found.source
    return "/", ""


def _in_the_code(folder: Path) -> Iterator[tuple[str, str]]:
    for file in _files(folder):
        text, name = text_of(folder, str(file.relative_to(folder)))
        if said := line_with(_KNOWN, text):
            yield said[1], name


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        if len(Path(place).relative_to(folder).parts) > 4:
            folders.clear()
        for name in sorted(names):
            if name.endswith(_SOURCES):
                seen += 1
                yield Path(place) / name
            if seen >= _MOST_FILES:
                return


def _port(folder: Path) -> int | None:
    """The port at which people reach the service today."""
    for name in ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"):
        text, _ = text_of(folder, name)
        if published := line_with(_PUBLISHED, text):
            return int(published[1])
    text, _ = text_of(folder, "Dockerfile", "Containerfile")
    exposed = line_with(_EXPOSED, text)
    return int(exposed[1]) if exposed else None
