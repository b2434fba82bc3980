"""Asks many hosts at once. One that is slow or dead delays no other: its answer is used when it comes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

T = TypeVar("T")

AT_ONCE: AbstractContextManager[object] = threading.BoundedSemaphore(64)
"""Threads that wait for hosts, in the whole process."""
BRINGING: AbstractContextManager[object] = threading.BoundedSemaphore(64)
"""Threads that bring versions to hosts, which takes minutes: what looks at hosts or changes them never waits for
these."""
FREE: AbstractContextManager[object] = contextlib.nullcontext()
"""Threads that wait for no others: a way back is among them."""


class Errand(Generic[T]):
    """One call under way in a thread of its own, which keeps no process alive. among: those of which only so many are
    under way at a time."""

    def __init__(self, job: Callable[[], T], among: AbstractContextManager[object] = AT_ONCE) -> None:
        self._among = among
        self._job, self._done, self.began = job, threading.Event(), time.monotonic()
        self._value: T | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            with self._among:
                self._value = self._job()
        except Exception as error:
            self._error = error
        finally:
            self._done.set()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def wait(self, until: float) -> bool:
        """Whether it has ended. until: on the monotonic clock."""
        return self._done.wait(max(0.0, until - time.monotonic()))

    def result(self) -> T:
        """What the call returned; raises what it raised. Only after it has ended."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


def wait_for(errands: Iterable[Errand[T]], within: float) -> None:
    """Wait until all have ended, or for `within` seconds."""
    until = time.monotonic() + within
    for errand in errands:
        errand.wait(until)
