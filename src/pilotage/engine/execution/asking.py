"""A question that is asked again and again beside the look, at most once at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.crew import Call, Crew

_T = TypeVar("_T")
_GRACE = 0.05
"""Seconds that a look gives a question it has just asked: most servers answer at once."""


class Asking(Generic[_T]):
    """every: seconds between two questions · take, fail: get what came, or a sentence why nothing did."""

    def __init__(
        self, crew: Crew, every: float, work: Callable[[], _T], take: Callable[[_T], None], fail: Callable[[str], None]
    ) -> None:
        self._crew, self._every, self._work = crew, every, work
        self._take, self._fail = take, fail
        self._call: Call[_T] | None = None
        self._asked = float("-inf")

    def ask(self) -> None:
        """Ask where it is due, and hand on what came."""
        if self._call is None and time.monotonic() - self._asked >= self._every:
            self._asked = time.monotonic()
            self._call = self._crew.start(self._work)
        call = self._call
        if call is None or not call.wait(_GRACE if call.age < _GRACE else 0.0):
            return
        self._call = None
        try:
            self._take(call.result())
        except AdapterError as error:
            self._fail(str(error))
