"""A clock that tests set, in place of waiting."""

from __future__ import annotations

from datetime import datetime


class FakeClock:
    """Stands still until `pass_` moves it."""

    def __init__(self, at: float | str = 1_800_000_000.0) -> None:
        """at: Unix seconds, or an ISO time with its offset."""
        self._now = datetime.fromisoformat(at).timestamp() if isinstance(at, str) else at
        self._monotonic = 1_000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def pass_(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the machine's clock; no time passes."""
        self._now += seconds
