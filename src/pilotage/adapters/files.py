"""Files that are whole or not there: written beside, then renamed over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, data: object) -> None:
    """Replace the file's content by JSON, as `write_durably` does."""
    write_durably(path, json.dumps(data, indent=1, sort_keys=True).encode())


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file's content atomically; also a crash of the machine leaves the old or the new."""
    _replace(path, content, durably=True)


def write_at_once(path: Path, content: bytes) -> None:
    """Replace the file's content atomically, without a wait for the disk: for what is made anew after a crash of the
    machine, which may leave it torn."""
    _replace(path, content, durably=False)


def _replace(path: Path, content: bytes, *, durably: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        if durably:
            os.fsync(file.fileno())
    beside.replace(path)


def read_json(path: Path) -> Any:
    """The file's content, or None when there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
