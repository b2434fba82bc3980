"""Repeated work in a thread of its own, so that nothing that hangs there delays anything else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
_TELL_AGAIN = 60.0
"""Seconds after which the same trouble is written into the log once more."""


class Regularly:
    """Runs `work` every `every` seconds until it is stopped. An error ends only the current round."""

    def __init__(self, name: str, every: float, work: Callable[[], object]) -> None:
        self._name, self._every, self._work = name, every, work
        self._told: tuple[str, float] = ("", 0.0)

    def start(self, stopping: threading.Event) -> threading.Thread:
        thread = threading.Thread(target=self._go_on, args=(stopping,), name=self._name, daemon=True)
        thread.start()
        return thread

    def _go_on(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._work()
            except Exception as error:
                self._tell(error)
            stopping.wait(self._every)

    def _tell(self, error: Exception) -> None:
        what, now = f"{type(error).__name__}: {error}", time.monotonic()
        told, at = self._told
        if what != told or now - at > _TELL_AGAIN:
            self._told = what, now
            _log.warning("%s: retrying: %s", self._name, what, exc_info=what != told)
