"""What happened before, for followers that come back: few read it at a time, and all share what was read.

After a break of the network hundreds come back at once, each with thousands of events to hear. If each read them for
itself, they would take all connections to the store, and nobody could abort.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
from anyio import CapacityLimiter

from pilotage.engine.records.feed import AT_ONCE, Feed
from pilotage.web.said import Message, message_of_event

_T = TypeVar("_T")

READERS = 2
"""Followers that catch up in the same instant, and threads that read the store for them."""
_PARTS = 16
"""Parts of the past that are kept, each of some hundred events."""


@dataclass
class CatchingUp:
    """That of one hub."""

    feed: Feed
    _turns: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(READERS))
    _threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(READERS))
    _kept: OrderedDict[int, list[Message]] = field(default_factory=OrderedDict)

    @property
    def turn(self) -> AbstractAsyncContextManager[None]:
        """To be held while a part is read and chosen from, and never while it is sent."""
        return self._turns

    async def reaches(self, position: int) -> bool:
        """Whether every event after this position is still there."""
        return await self._read(lambda: self.feed.reaches(position))

    async def after(self, position: int) -> list[Message]:
        """The next events after a position, at most some hundred."""
        begin = position - position % AT_ONCE  # the same for all who are about there
        part = await self._part(begin)
        found = [one for one in part if one.position is not None and one.position > position]
        return found if found or len(part) < AT_ONCE else await self.after(begin + AT_ONCE)

    async def _part(self, begin: int) -> list[Message]:
        """A whole one never changes."""
        if (known := self._kept.get(begin)) is not None:
            self._kept.move_to_end(begin)
            return known
        found = await self._read(lambda: [message_of_event(one) for one in self.feed.after(begin)])
        if len(found) == AT_ONCE:
            self._kept[begin] = found
            while len(self._kept) > _PARTS:
                self._kept.popitem(last=False)
        return found

    async def _read(self, read: Callable[[], _T]) -> _T:
        return await anyio.to_thread.run_sync(read, limiter=self._threads)
