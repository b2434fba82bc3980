"""The machine's own clock."""

from __future__ import annotations

import time

from pilotage.model.clock import Clock


class SystemClock:
    """What the operating system says."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


SYSTEM: Clock = SystemClock()
