"""What is known of one host of a fleet: what its runner said last, and whether it can be reached."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from pilotage.adapters.hosts.host import Host, Unreachable
from pilotage.adapters.hosts.runner import Found, Runner
from pilotage.adapters.hosts.together import Errand
from pilotage.adapters.ports import AdapterError

_log = logging.getLogger(__name__)
_PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a host that could not be reached is asked again, by the number of times."""
_FRESH = 5.0
"""Seconds for which the answer of a host counts whose instances all answer their health checks."""


class HostView:
    """Of one host; every method returns at once, except `settle`. Any thread may call them."""

    def __init__(self, name: str, host: Host, runner: Runner) -> None:
        self.name, self.host, self.runner = name, host, runner
        self._lock = threading.Lock()
        self._asked: Errand[tuple[Found, ...]] | None = None
        self._change: Errand[None] | None = None
        self._found: tuple[Found, ...] | None = None
        self._at = -_FRESH
        self._valid = self._is_current = True
        self._trouble, self._unheard_since = "", 0.0
        self._failures, self._next = 0, 0.0
        self._well = False

    # ── what the host says ─────────────────────────────────────────────────────────────────────────────────

    def ask(self, *, now: bool = False) -> Errand[tuple[Found, ...]] | None:
        """Begin to ask the host, unless it is being asked, its answer is fresh, or it could not be reached just now.
        Returns what is under way."""
        with self._lock:
            self._take()
            if self._asked is None and (now or self._due()):
                self._valid, self._asked = True, Errand(self.runner.found)
            return self._asked

    def _due(self) -> bool:
        at = time.monotonic()
        return at >= self._next and not (self._well and self._valid and at < self._at + _FRESH)

    def _take(self) -> None:
        """Take the answer that has come. One that was asked for before a change does not count."""
        if self._asked is None or not self._asked.is_done:
            return
        asked, self._asked = self._asked, None
        try:
            found = asked.result()
        except Unreachable as error:
            self._failed(str(error), asked.began)
        except AdapterError as error:
            self._failed(str(error), asked.began, reachable=True)
        else:
            if self._trouble:
                _log.info("the host %s answers again", self.name)
            self._trouble, self._failures, self._next = "", 0, 0.0
            if self._valid:
                self._found, self._at, self._is_current = found, time.monotonic(), True

    def _failed(self, why: str, began: float, *, reachable: bool = False) -> None:
        if not self._trouble:
            self._unheard_since = began
            _log.warning("the host %s cannot be asked: %s", self.name, why)
        self._trouble = why if self.name in why or not self.name else f"{self.name}: {why}"
        self._failures += not reachable
        self._next = time.monotonic() + _PAUSES[min(self._failures, len(_PAUSES) - 1)]

    def found(self) -> Mapping[str, Found] | None:
        """By name; None where the host was never heard."""
        with self._lock:
            self._take()
            return None if self._found is None else {one.name: one for one in self._found}

    @property
    def trouble(self) -> str:
        """Why the host does not answer, with its name; empty where it does."""
        with self._lock:
            self._take()
            return self._trouble

    @property
    def unheard_since(self) -> float:
        """When the first question began that it did not answer, on the monotonic clock; of a host in trouble."""
        with self._lock:
            return self._unheard_since

    def all_well(self, *, well: bool) -> None:
        """Say whether all its instances answer their health checks, so that the host need not be asked every time."""
        with self._lock:
            self._well = well

    # ── changes ────────────────────────────────────────────────────────────────────────────────────────────

    def change(self, job: Callable[[], None]) -> Errand[None] | None:
        """Begin to change something there, unless another change is under way, or nobody has heard yet what the last
        one came to: on a slow host, changes would otherwise outrun its answers."""
        with self._lock:
            self._take()
            if (self._change is not None and not self._change.is_done) or not self._is_current:
                return None
            self._valid = self._is_current = self._well = False
            self._change = Errand(lambda: self._changed(job))
            return self._change

    def _changed(self, job: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            job()
        except Unreachable as error:
            with self._lock:
                self._failed(str(error), began)
            raise
        finally:
            with self._lock:
                self._valid = self._is_current = False
