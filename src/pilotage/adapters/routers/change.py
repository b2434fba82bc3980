"""One change of where users go, from its beginning to the write that moves them.

A change may wait for long: for instances, for the router, for a machine without time. Meanwhile another one may have
begun, another controller may have taken over, or an operator may have taken users back. So all three are looked for
next to the write itself, under the lock that `abort --offline` takes for its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.alone import alone_in
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.taken_back import refuse_older_split
from pilotage.model.traffic import Split

_latest: dict[str, int] = {}
"""The last change of each folder that this process began, by whichever router of it: a worker that takes a rollout up
again has another one."""
_counting = threading.Lock()


@dataclass(frozen=True)
class Change:
    """folder: whose lock the router's writes take · fence: None for the way back of an operator, which nothing holds
    up."""

    folder: Path
    fence: Fence | None
    number: int

    @contextlib.contextmanager
    def alone(self, split: Split) -> Iterator[None]:
        """Hold the lock for the write of `split`. Raises Fenced, TakenBack, or AdapterError where a newer change
        began."""
        with alone_in(self.folder):
            self.refuse_outdated(split)
            yield

    def refuse_outdated(self, split: Split) -> None:
        """As `alone`, for who has the lock."""
        if _latest[str(self.folder)] != self.number:
            raise AdapterError("a newer change replaced this one")
        if self.fence is not None and self.fence.token:
            self.fence.check()
            refuse_older_split(self.fence.place, split)


def begun(folder: Path, fence: Fence | None) -> Change:
    """A change begins: older ones of this process write nothing from here on."""
    with _counting:
        number = _latest[str(folder)] = _latest.get(str(folder), 0) + 1
    return Change(folder, fence, number)
