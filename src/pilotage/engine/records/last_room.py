"""An abort is recorded on a full disk, too: the room that was laid by for it makes way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from pilotage.engine.rescue import ballast
from pilotage.model.errors import Unavailable

_T = TypeVar("_T")


class StoreFull(Unavailable):
    """The disk that holds the store is full."""

    def __init__(self) -> None:
        super().__init__(
            "the disk of the store is full, so nothing can be recorded: make room. On the server's machine, "
            "`pilotage abort --offline` takes users off a version without the store"
        )


def is_full(error: OperationalError) -> bool:
    """Whether the database has no room for what it was asked to record."""
    return "full" in str(error.orig)


def lay(directory: Path) -> None:
    """See that the room is there. directory: of the store."""
    ballast.lay(directory, ballast.OF_STORE)


def in_last_room(directory: Path, record: Callable[[], _T]) -> _T:
    """What `record` gives, which it may have to be asked twice."""
    try:
        made = record()
    except OperationalError as error:
        if not is_full(error) or not ballast.throw(directory):
            raise
        return record()
    lay(directory)
    return made
