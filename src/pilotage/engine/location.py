"""Where the store is; apart from it, so that asking costs nothing."""

from __future__ import annotations

import os
from pathlib import Path

DATABASE = "PILOTAGE_DATABASE"
"""Environment variable with the URL of a PostgreSQL, such as postgresql+psycopg://user@host/pilotage; unset, a file."""


def made(directory: Path) -> Path:
    """The state's folder, which git passes over: nobody commits what happened here by accident."""
    if not directory.exists():
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ".gitignore").write_text("*\n", encoding="utf-8")
    return directory


def database_url(directory: Path) -> str:
    return os.environ.get(DATABASE) or f"sqlite:///{directory / 'pilotage.sqlite'}"
