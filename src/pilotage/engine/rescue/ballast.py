"""Room that is laid by next to the target: on a full disk it makes way for the few files that take users back."""

from __future__ import annotations

import os
from pathlib import Path

_NAME = "ballast"
_SIZE = 128 << 10
"""Bytes: the files of a router are a few kB each."""
OF_STORE = 1 << 20
"""Bytes that let a store of one file take an abort, and what a worker writes at the same time."""


def lay(place: Path, size: int = _SIZE) -> None:
    """See that the room is there, if the disk has it to spare. place: the folder of a target or of the store. Never
    raises OSError."""
    file = place / _NAME
    try:
        if not place.exists() or (file.exists() and file.stat().st_size >= size):
            return
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            whole = os.write(descriptor, b"\0" * size) == size
        finally:
            os.close(descriptor)
    except OSError:
        whole = False
    if not whole:
        throw(place)  # less of it than planned would take the last room of others


def throw(place: Path) -> bool:
    """Give the room back; whether there was any."""
    try:
        (place / _NAME).unlink()
    except OSError:
        return False
    return True
