"""The fencing token of a target, kept beside what it guards: a controller that lost its lease finds a higher one.

A controller may be stopped between the check and the write that follows; what it then writes late is stale by one
look at most, because the present owner reads back and writes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.files import read_json, write_json
from pilotage.adapters.ports import Fenced


@dataclass(frozen=True)
class Fence:
    """`token` is what the lease gave; `file` is where the target remembers the highest it has seen."""

    file: Path
    token: int

    def check(self) -> None:
        """Raise Fenced when a higher token has been here; else leave this one."""
        seen = int((read_json(self.file) or {"token": 0})["token"])
        if seen > self.token:
            raise Fenced(f"another controller (token {seen}) has taken over from this one (token {self.token})")
        if seen < self.token:
            write_json(self.file, {"token": self.token})
