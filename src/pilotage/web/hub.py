"""Hands what happens to everyone who follows the event stream: one thread reads the store, however many follow.

Each follower has a queue of bounded length. One that reads too slowly loses its stream, comes back with
`Last-Event-ID`, and gets from the store what it has missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio import CapacityLimiter

from pilotage.engine.records.feed import Feed
from pilotage.engine.records.news import Changes
from pilotage.engine.records.store import Store
from pilotage.web.catching_up import CatchingUp
from pilotage.web.said import Message, message_of_event, message_of_look

QUEUE = 256
"""Messages that a follower may be behind."""

MOST = 1500
"""Followers of one server; its connections are for others too."""

EVERY = 0.25
"""Seconds between two looks at the store."""

ASKING = 2
"""Followers that find out at the same time whether they still may; the others then find that known, or wait."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Follower:
    """One stream, in the event loop that serves it. wants: whether a message is for it · who, address: whose it is, and
    where they are · lost: it was too slow."""

    wants: Callable[[Message], bool]
    who: str = ""
    address: str = ""
    queue: asyncio.Queue[Message | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, message: Message) -> None:
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.lost.set()

    async def heard(self) -> list[Message | None]:
        """All that is there, as soon as something is: who follows gets it in one piece."""
        found = [await self.queue.get()]
        while not self.queue.empty():
            found.append(self.queue.get_nowait())
        return found

    def end(self) -> None:
        """Nothing follows what is in the queue."""
        try:
            self.queue.put_nowait(None)
        except asyncio.QueueFull:
            self.lost.set()


class Hub:
    """That of one server. ending: whether the server is about to stop · most: followers."""

    def __init__(self, store: Store, ending: Callable[[], bool] = lambda: False, most: int = MOST) -> None:
        self._store, self._feed, self.ending, self._most = store, Feed(store.engine), ending, most
        self.past, self.asking = CatchingUp(self._feed), CapacityLimiter(ASKING)
        self._followers: set[Follower] = set()
        self._expected: set[Follower] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._looked: dict[str, int] = {}
        self.position = 0

    @property
    def full(self) -> bool:
        """Whether no more may follow."""
        return len(self._followers) + len(self._expected) >= self._most

    def streams_of(self, who: str, address: str) -> tuple[int, int]:
        """How many this person has, and how many come from this address."""
        every = (*self._followers, *self._expected)
        return sum(one.who == who for one in every), sum(one.address == address for one in every)

    def expect(self, follower: Follower) -> None:
        """One that is about to follow."""
        self._expected.add(follower)

    def forget(self, follower: Follower) -> None:
        """It does not follow, after all."""
        self._expected.discard(follower)

    @contextmanager
    def followed(self, follower: Follower) -> Iterator[int]:
        """From now on the follower gets what happens after the position that this gives."""
        self._followers.add(follower)
        self._expected.discard(follower)
        try:
            yield self.position
        finally:
            self._followers.discard(follower)

    async def started(self) -> None:
        """Returns once the thread reads the store: before, `position` says nothing. It ends some time after the last
        follower left."""
        if self._thread is not None and self._thread.is_alive() and self._loop is asyncio.get_running_loop():
            return
        self._loop = asyncio.get_running_loop()
        self.position = await asyncio.to_thread(self._feed.extend)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._read, daemon=True, name="events")
            self._thread.start()

    # ── the thread ─────────────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> None:
        changes, read, pause, idle = Changes(self._store.engine), self.position, threading.Event(), 0
        while not self.ending() and idle * EVERY < 30:
            try:
                if changes.any():
                    found, read = self._new(read)
                    self._hand_on(found, read)
            except Exception as error:
                _log.warning("the event stream stands still: %s", error)
            idle = 0 if self._followers else idle + 1
            pause.wait(EVERY)
        self._thread = None
        self._in_loop(self._end_all)

    def _new(self, read: int) -> tuple[list[Message], int]:
        newest, found = self._feed.extend(), list[Message]()
        while read < newest and (events := self._feed.after(read)):
            found += map(message_of_event, events)
            read = events[-1].position
        looks = self._feed.looks()
        found += [message_of_look(one) for one in looks if self._looked.get(one.rollout) != one.revision]
        self._looked = {one.rollout: one.revision for one in looks}
        return found, max(read, newest)

    def _hand_on(self, messages: Sequence[Message], position: int) -> None:
        if messages or position > self.position:
            self._in_loop(lambda: self._deliver(messages, position))

    def _in_loop(self, act: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(act)

    # ── the event loop ─────────────────────────────────────────────────────────────────────────────────────

    def _deliver(self, messages: Sequence[Message], position: int) -> None:
        self.position = max(self.position, position)
        for message in messages:
            for follower in self._followers:
                if follower.wants(message):
                    follower.offer(message)

    def _end_all(self) -> None:
        if self._thread is None:
            for follower in self._followers:
                follower.end()
