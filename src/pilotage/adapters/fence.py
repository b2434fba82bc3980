"""The fencing token of a target, kept next to what it guards: a controller that lost its lease finds a higher one.

A controller may be stopped between the check and the write that follows; what it then writes late is stale by one
look at most, because the present owner reads back and writes again.

There are two copies. One that is cut off or edited to something else counts as missing, and the higher of both is
right: a broken record must not stop the way back. Where both are gone, the lease alone says who may act.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.files import write_json
from pilotage.adapters.ports import Fenced
from pilotage.model.json import Json, object_at, text_at, whole_at

_log = logging.getLogger(__name__)

_HIGHEST = 2**31 - 2**20
"""Beyond it, no token: some thousand changes of hands are many, and the integers of a lease's column end there."""


@dataclass(frozen=True)
class Fence:
    """`token` is what the lease gave to the holder `by`; `file` is where the target remembers the highest it saw."""

    file: Path
    token: int
    by: str = ""

    @property
    def place(self) -> Path:
        """The target's folder."""
        return self.file.parent

    def check(self) -> None:
        """Raise Fenced when a higher token has been here, or the same one in other hands; else leave this one."""
        seen, whose = last_seen(self.file)
        if seen > self.token:
            raise Fenced(f"another controller (token {seen}) has taken over from this one (token {self.token})")
        if seen == self.token and self.by and whose and whose != self.by:
            raise Fenced(f"another controller ({whose}) uses the same token {seen} here")
        mine = (self.token, self.by or whose)
        for copy in _copies(self.file):
            if _read(copy) != mine:
                _leave(copy, *mine)


def last_seen(file: Path) -> tuple[int, str]:
    """The highest token that the target has seen and who had it; (0, "") where no copy can be read."""
    return max((_read(copy) or (0, "") for copy in _copies(file)), default=(0, ""))


def floor(file: Path, by: str) -> int:
    """The lower bound of a token that `by` needs: the highest that others left here, and one less than the one `by`
    itself has."""
    token, whose = last_seen(file)
    return token - 1 if token and whose == by else token


def _copies(file: Path) -> tuple[Path, Path]:
    return file, file.with_name(f"{file.stem}-copy{file.suffix}")


def _leave(copy: Path, token: int, whose: str) -> None:
    """Whoever holds the lease may act, also where the disk is full: the fence is the second line."""
    try:
        write_json(copy, {"token": token, "by": whose})
    except OSError as error:
        _log.warning("cannot write %s: %s", copy, error.strerror)


def _read(copy: Path) -> tuple[int, str] | None:
    try:
        found: Json = json.loads(copy.read_bytes())
        token, whose = whole_at(found, "token"), text_at(found, "by") if "by" in object_at(found) else ""
    except (OSError, ValueError, RecursionError):
        return None
    return (token, whose) if 0 <= token < _HIGHEST else None
