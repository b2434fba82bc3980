"""Synthetic requests for services with too little traffic: a judge without requests learns nothing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from pilotage.adapters.http import get_status
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.ports import AdapterError

_KEPT_UP = 5.0
"""Seconds after which requests end unless they are requested again: with their worker or their rollout."""


class SyntheticRequests:
    """GET `url`, so often a second, through the router like anyone else, each as a new user.

    token: gives the secret by which the router tells them from users'; services see the header with the value 1, so
    that they can leave them out of their figures and do nothing lasting.
    """

    def __init__(self, url: str, per_second: float, token: Callable[[], str]) -> None:
        self._url, self._interval, self._token = url, 1 / per_second, token
        self._until = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def keep_up(self) -> None:
        """They should flow now."""
        with self._lock:
            self._until = time.monotonic() + _KEPT_UP
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="synthetic requests", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """They should flow no more."""
        self._until = 0.0

    def _run(self) -> None:
        due = time.monotonic()
        headers = {SYNTHETIC_HEADER: self._token()}
        while self._goes_on():
            # What became of it is the router's to count.
            with contextlib.suppress(AdapterError):
                get_status(self._url, 5.0, headers)
            due = max(due + self._interval, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    def _goes_on(self) -> bool:
        with self._lock:
            if time.monotonic() < self._until:
                return True
            self._thread = None
            return False
