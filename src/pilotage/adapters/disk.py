"""Whether a disk has room."""

from __future__ import annotations

import shutil
from pathlib import Path

from pilotage.model.quantity import format_size


def full_disk(folder: Path, least: int) -> str:
    """That fewer than `least` bytes are free where `folder` is, or will be; empty where there are enough."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        return ""
    return (
        f"{format_size(free)} are free on the disk of {there}, and {format_size(least)} are needed"
        if free < least
        else ""
    )
