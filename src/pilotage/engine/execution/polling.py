"""Questions asked at every look, each never twice at the same time, with its last answer and the answer's age.

A round asks several of them in sequence in one thread. If one does not return, another thread continues with the rest,
and the look continues without the answer when its time is up.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.crew import Crew

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

OLDEST = 3.0
"""Seconds after which an answer says nothing about the present."""

_NEXT_THREAD_AFTER = 0.1
"""Seconds that a round waits for one question before another thread takes on those that are left."""


class Poll(Generic[_T]):
    """One question: under way or not, and its last answer."""

    def __init__(self, what: str) -> None:
        self._what, self._lock = what, threading.Lock()
        self._value: _T | None = None
        self._error, self._known = "", -math.inf
        self._began = -math.inf
        self.busy = False
        self.was_answered = False

    def ask(self, question: Callable[[], _T]) -> bool:
        """Ask now, in this thread; False while an earlier asking has not come back."""
        with self._lock:
            if self.busy:
                return False
            self.busy, self._began = True, time.monotonic()
        error, value = "", None
        try:
            value = question()
        except AdapterError as failed:
            error = str(failed)
        except Exception as failed:
            # Anything that cannot be read counts as unknown, and the rest is still read.
            error = f"{type(failed).__name__}: {failed}"
            if error != self._error:
                _log.warning("cannot read %s: %s", self._what, error, exc_info=True)
        self._value, self._error, self._known = value, error, self._began
        self.was_answered, self.busy = True, False
        return True

    def answer(self, oldest: float = OLDEST) -> tuple[_T | None, str]:
        """The last answer, and what is wrong if none is recent enough (seconds)."""
        if self._error:
            return None, f"{self._what}: {self._error}"
        if time.monotonic() - self._known <= oldest:
            return self._value, ""
        silent = f"{self._what}: no response {f'for {self.silent:.0f} s' if self.silent >= 1 else 'yet'}"
        return None, silent if self.busy else ""

    @property
    def asked_at(self) -> float:
        """When the last answer was asked for, on the monotonic clock."""
        return self._known

    @property
    def silent(self) -> float:
        """Seconds for which the asking under way has not come back."""
        return time.monotonic() - self._began if self.busy else 0.0


class Overtaken(Exception):
    """Another thread continues with this look: here, something did not come back for too long."""


class Here:
    """Something that is done in the thread that looks, and may not come back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_under_way = self.is_left = False

    def run(self, work: Callable[[], object]) -> None:
        """Run it. Raises Overtaken if another thread has taken the look over; this one then changes nothing more."""
        self._is_under_way = True
        work()
        with self._lock:
            self._is_under_way = False
            if self.is_left:
                raise Overtaken

    def leave(self) -> bool:
        """Whether the look can be taken over by the caller: it hangs in this, and nobody else has taken it."""
        with self._lock:
            found = self._is_under_way and not self.is_left
            self.is_left = self.is_left or found
            return found


class Round:
    """Questions of one look, in their order. last: runs in the same thread once all of them returned.

    The look asks them itself (`here`), which is fast if everything answers. Otherwise another thread takes the look
    over and waits (`wait`), while this one stays with the question.
    """

    def __init__(
        self, crew: Crew, questions: Sequence[Callable[[], object]], last: Callable[[], object] | None = None
    ) -> None:
        self._crew, self._open, self._last = crew, deque(questions), last
        self._left = len(questions)
        self._lock = threading.Lock()
        self._over: threading.Event | None = None
        self._here, self._is_taken_up = Here(), False
        self.hurried = False

    def here(self) -> None:
        """Ask all questions in this thread. Raises Overtaken."""
        self._here.run(self._work)

    def leave_to_another(self) -> bool:
        """As `Here.leave`."""
        return self._here.leave()

    def take_up(self) -> bool:
        """Whether it was left, and not continued since."""
        found = self._here.is_left and not self._is_taken_up
        self._is_taken_up = self._here.is_left
        return found

    def wait(self, budget: float) -> bool:
        """Whether all questions came back within `budget` seconds. Ends early when someone is in a hurry."""
        until, helpers = time.monotonic() + budget, 0
        with self._lock:
            over = self._over = self._over or threading.Event()
        while self._left and not self.hurried and (rest := until - time.monotonic()) > 0:
            if self._open and helpers < 1 + self._left:
                helpers += 1
                self._crew.start(self._work)
            over.wait(min(rest, _NEXT_THREAD_AFTER) if self._open else rest)
        return self._left == 0

    def hurry(self) -> None:
        self.hurried = True
        with self._lock:
            self._end()

    def calm(self) -> None:
        """There was no need to hurry."""
        self.hurried = False
        with self._lock:
            if self._left and self._over is not None:
                self._over.clear()

    def leave(self) -> None:
        """Ask no more of what has not started yet."""
        with self._lock:
            self._last = None
        self._open.clear()

    def _work(self) -> None:
        while True:
            try:
                question = self._open.popleft()
            except IndexError:
                return
            question()
            with self._lock:
                self._left -= 1
                follows, self._last = (self._last, None) if self._left == 0 else (None, self._last)
                self._left += follows is not None
                if self._left == 0:
                    self._end()
            if follows is not None:
                self._open.append(follows)

    def _end(self) -> None:
        """Whoever waits, waits no more."""
        if self._over is not None:
            self._over.set()
