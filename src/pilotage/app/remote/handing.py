"""Tells a child process who asks: through a pipe, so that no variable and no argument can claim it."""

from __future__ import annotations

import os

import msgspec

from pilotage.model.access import Identity

ASKED_FD = "PILOTAGE_ASKED_FD"
"""The variable with the number of the pipe."""
FILES = "PILOTAGE_ASKED_FILES"
"""The variable with the folder of the files that came along."""
_MOST = 1 << 20


def hand_over(identity: Identity) -> int:
    """The end of a pipe from which the child reads it; whoever starts the child closes it after that."""
    reader, writer = os.pipe()
    try:
        os.write(writer, msgspec.json.encode(identity))
    finally:
        os.close(writer)
    return reader


def received(pipe: int) -> Identity:
    """In the child."""
    with os.fdopen(pipe, "rb") as end:
        return msgspec.json.decode(end.read(_MOST), type=Identity)
