"""Writes output files."""

from __future__ import annotations

from pathlib import Path


def write_file(path: Path, content: str | bytes) -> None:
    """The whole file or none of it, readable as the user's umask says. Raises OSError with the path."""
    from pilotage.adapters.files import write_durably

    write_durably(path, content if isinstance(content, bytes) else content.encode(), shared=True)
