"""Makes looks in as few threads as possible: one thread makes look after look, each when it is due, without handing
over.

A thread that waits for the outside delays nothing else: another one continues with the looks that are due. If the wait
is long, the look itself is taken over, so it keeps its budget (`polling.py`). Waking threads costs processor time, so
there are more of them only while one hangs.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable

_TOGETHER = 0.02
"""Seconds: looks that are due within this of one another are made in one go. A thread that sleeps less wakes less."""

_STANDS_STILL = 0.05
"""Seconds after which an unfinished look is assumed to wait for something."""

_TAKE_OVER_AFTER = 0.1
"""Seconds after which another thread takes over a look."""

_LATE, _MOVING = 0.1, 8
"""Looks that are later than so many seconds, while the processor has time, get more threads, up to so many that move:
each of them waits a little."""

_BUSY, _LATE_TICK = 0.8, 0.02
"""Part of one core that this process uses, or seconds by which a tick of the watch is late, beyond which looks wait for
the processor: more threads would only make all of them later."""

_MOST, _MOST_LEFT = 64, 512
"""Threads at a time; and including those left behind because their calls never returned."""
_WATCH_EVERY, _WATCH_IDLE = 0.02, 0.1


class Lanes:
    """Does work, identified by name, when it is due, never twice at the same time.

    work: does it; False if `take_over` gave it to another thread · take_over: whether the current work is left to
    another thread, which starts it again.
    """

    def __init__(self, work: Callable[[str], bool], take_over: Callable[[str], bool]) -> None:
        self._work, self._take_over = work, take_over
        self._turn = threading.Condition()
        self._due: list[tuple[float, str]] = []
        self._at: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._threads = self._left = 0
        self._waiting = False
        self._over = self._is_busy = False
        self._moving, self._pause = 0, _WATCH_IDLE
        self._used = (time.monotonic(), time.process_time())

    def put(self, name: str, at: float) -> None:
        """Schedule it for `at` (monotonic seconds), or earlier if it was already scheduled; not while it is running."""
        with self._turn:
            if name in self._began:
                return
            self._push(name, at)

    @property
    def busy(self) -> frozenset[str]:
        """What is under way."""
        with self._turn:
            return frozenset(self._began)

    def again(self, name: str, at: float | None) -> None:
        """What is under way is over, and due again at `at`; never, where that is None."""
        with self._turn:
            self._began.pop(name, None)
            if at is not None:
                self._push(name, at)

    def hurry(self, name: str) -> None:
        """Whoever does this work now is not waited for any longer."""
        with self._turn:
            if name in self._began and self._may_start and self._take_over(name):
                self._threads -= 1
                self._left += 1
                self._start(name)

    def watch(self) -> float:
        """Keep looks running although threads hang. Returns the seconds until the next check."""
        now = time.monotonic()
        with self._turn:
            self._measure(now)
            if not self._threads and not self._over:
                self._start()
            began = dict(self._began)
            late = max(0.0, now - self._first()) if self._due else 0.0
            standing = sum(now - at > _STANDS_STILL for at in began.values())
            self._moving = self._threads - standing
            if not self._waiting and late > _STANDS_STILL:
                for _ in range(self._wanted(standing, late)):
                    self._start()
        for name, at in began.items():
            if now - at > _TAKE_OVER_AFTER:
                self.hurry(name)
        self._pause = _WATCH_EVERY if began or late > 0 else _WATCH_IDLE
        return self._pause

    def _wanted(self, standing: int, late: float) -> int:
        """How many more threads to start: if none moves, as many as hang, so there are enough within a few rounds."""
        if self._moving <= 0:
            return 1 if self._is_busy else max(1, standing)
        return int(late > _LATE and self._moving < _MOVING and not self._is_busy)

    def _measure(self, now: float) -> None:
        """Whether the processor is what this process lacks."""
        (at, used), self._used = self._used, (now, time.process_time())
        self._is_busy = self._used[1] - used > _BUSY * (now - at) or now - at - self._pause > _LATE_TICK

    def stop(self) -> None:
        """Begin nothing more."""
        with self._turn:
            self._over = True
            self._turn.notify_all()

    def _push(self, name: str, at: float) -> None:
        if self._at.get(name, at + 1) <= at:
            return
        self._at[name] = at
        sooner = at < self._first()
        heapq.heappush(self._due, (at, name))
        if sooner and self._waiting:
            self._turn.notify()

    def _first(self) -> float:
        """When something is due next."""
        while self._due and self._at.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    @property
    def _may_start(self) -> bool:
        return self._threads < _MOST and self._threads + self._left < _MOST_LEFT and not self._over

    def _start(self, name: str | None = None) -> None:
        """Another thread; name: what it starts with."""
        if self._may_start:
            self._threads += 1
            if name is not None:
                self._began[name] = time.monotonic()
            threading.Thread(target=self._serve, args=(name,), name="look", daemon=True).start()

    def _serve(self, name: str | None) -> None:
        name = name or self._next()
        while name is not None:
            if not self._work(name):
                with self._turn:
                    self._left -= 1
                return
            name = self._next()

    def _next(self) -> str | None:
        """What is due, once it is; None where another thread waits for it already."""
        with self._turn:
            while not self._over and not (self._is_busy and self._moving > 1):
                now, first = time.monotonic(), self._first()
                if first <= now + _TOGETHER:
                    _, name = heapq.heappop(self._due)
                    del self._at[name]
                    self._began[name] = now
                    return name
                if self._waiting:
                    break
                self._waiting = True
                self._turn.wait(None if first == math.inf else first - now)
                self._waiting = False
            self._threads -= 1
            self._moving -= 1
            return None
