"""Notices that the router's log of failures says nothing of failures that its counters show: its disk is full, or
someone took the file away. Who believed the log then would see no user hurt."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.observation import Failure

_PATIENCE = 3.0
"""Seconds that a line may come later than its count: Envoy writes its log less often than it counts."""
_LEAST = 3
"""Errors that must be missing."""


class SilentLog:
    """Of one version's users."""

    def __init__(self) -> None:
        self._missing, self._since = 0, 0.0

    def trusted(self, failures: tuple[Failure, ...] | None, at: float, errors: int) -> tuple[Failure, ...] | None:
        """The failures in the log; None, as without a log, while the log lacks the counted ones.

        failures: of the version, or None without a log · at: Unix seconds · errors: counted since the last look.
        """
        if failures is None or failures:
            self._missing, self._since = 0, 0.0
            return failures
        if errors and not self._missing:
            self._since = at
        self._missing += errors
        silent = self._missing >= _LEAST and at - self._since >= _PATIENCE
        return None if silent else failures


def of_version(failures: Sequence[Failure] | None, version: str) -> tuple[Failure, ...] | None:
    return None if failures is None else tuple(f for f in failures if f.version == version)
