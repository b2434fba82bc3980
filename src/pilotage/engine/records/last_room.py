"""An abort is recorded on a full disk, too: the room that was laid by for it makes way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from pilotage.engine.rescue import ballast

_T = TypeVar("_T")


def lay(directory: Path) -> None:
    """See that the room is there. directory: of the store."""
    ballast.lay(directory, ballast.OF_STORE)


def in_last_room(directory: Path, record: Callable[[], _T]) -> _T:
    """What `record` gives, which it may have to be asked twice."""
    try:
        made = record()
    except OperationalError as error:
        if "full" not in str(error.orig) or not ballast.throw(directory):
            raise
        return record()
    lay(directory)
    return made
