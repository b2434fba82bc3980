"""Threads for calls that may never return: to a router, a fleet, a metrics source, a database.

A caller waits as long as its budget allows, then continues without the answer. The call stays in its thread, and the
caller must not start it again. Idle threads are reused, and end after a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from pilotage.adapters.ports import AdapterError

_T = TypeVar("_T")
_IDLE = 20.0
"""Seconds after which an idle thread ends."""


class Crowded(AdapterError):
    """Too many calls to the outside are still waiting for an answer."""


class Call(Generic[_T]):
    """One call, under way or over."""

    __slots__ = ("_error", "_signal", "_value", "_work", "began", "done")

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work, self.began, self.done = work, time.monotonic(), False
        self._value: _T | None = None
        self._error: BaseException | None = None
        self._signal = threading.Event()

    def run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error
        self.done = True
        self._signal.set()

    def fail(self, error: BaseException) -> None:
        """It is over without having run."""
        self._error, self.done = error, True
        self._signal.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is over within `seconds`."""
        return self.done or (seconds > 0 and self._signal.wait(seconds) and self.done)

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def failed(self) -> bool:
        return self._error is not None

    def result(self) -> _T:
        """What it gave, or raises what it raised. Only for a call that is over."""
        assert self.done
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


class Crew:
    """Starts calls, each in a thread of its own. most: threads at a time."""

    def __init__(self, most: int = 512) -> None:
        self._most, self._threads = most, 0
        self._idle: list[SimpleQueue[Callable[[], None]]] = []
        self._lock = threading.Lock()

    def start(self, work: Callable[[], _T]) -> Call[_T]:
        """Start `work` and return immediately. Raises Crowded."""
        call = Call(work)
        with self._lock:
            box = self._idle.pop() if self._idle else None
            if box is None:
                if self._threads >= self._most:
                    raise Crowded(f"{self._most} calls are hanging")
                self._threads += 1
                box = SimpleQueue()
                threading.Thread(target=self._serve, args=(box,), name="crew", daemon=True).start()
        box.put(call.run)
        return call

    def _serve(self, box: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            try:
                box.get(timeout=_IDLE)()
            except Empty:
                with self._lock:
                    if box in self._idle:
                        self._idle.remove(box)
                        self._threads -= 1
                        return
                continue  # a call is on its way into the box
            with self._lock:
                self._idle.append(box)
