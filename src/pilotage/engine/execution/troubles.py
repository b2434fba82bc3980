"""Errors that keep a rollout from being observed, with their duration: lasting ones are reported to people, not only
logged."""

from __future__ import annotations

import logging
import threading
import time

_log = logging.getLogger(__name__)
LASTS = 10.0
"""Seconds after which trouble is no passing matter: leases change hands in less."""


class Troubles:
    """By rollout."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def note(self, rollout: str, error: Exception) -> bool:
        """It continues; returns whether it has just lasted long enough to be reported."""
        with self._lock:
            since = self._since.setdefault(rollout, time.monotonic())
            if rollout in self._told or time.monotonic() - since < LASTS:
                return False
            self._told.add(rollout)
        _log.warning("%s: for %.0f s: %s", rollout, time.monotonic() - since, error)
        return True

    def over(self, rollout: str) -> None:
        if rollout not in self._since:
            return
        with self._lock:
            self._since.pop(rollout, None)
            self._told.discard(rollout)
