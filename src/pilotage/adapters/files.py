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
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_json(path: Path) -> Any:
    """The file's content, or None when there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
