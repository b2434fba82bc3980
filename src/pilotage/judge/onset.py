"""Estimates since when a version has failed more often than it should: for people, not for decisions.

The excess of failures over the tolerated rate is summed up. It falls while all is healthy, and rises from the start of
harm; the first look after its minimum is the estimate (Hinkley, Biometrika 1970).
"""

from __future__ import annotations

from pilotage.model.json import JsonObject, number_at, optional


class Onset:
    """Streaming: `update` each look, `since` whenever wanted."""

    def __init__(self) -> None:
        self._excess, self._least = 0.0, 0.0
        self.since: float | None = None
        """Unix seconds; None while there are no more failures than tolerated."""

    def update(self, at: float, failures: float, tolerated: float) -> None:
        """at: Unix seconds of the look's first failure, or of the look · tolerated: failures that would be no harm."""
        self._excess += failures - tolerated
        if self._excess <= self._least:
            self._least, self.since = self._excess, None
        elif self.since is None:
            self.since = at

    def to_dict(self) -> JsonObject:
        return {"excess": self._excess, "least": self._least, "since": self.since}

    def restore(self, saved: JsonObject) -> None:
        self._excess, self._least = number_at(saved, "excess"), number_at(saved, "least")
        self.since = optional(number_at, saved, "since")
