"""The share of the new version's requests that succeed, against R20's limit: below it, a person decides.

The limit is absolute, and milder than the one that rolls back. A stable version that fails as often is no excuse: who
pauses a release asks whether now is the time for one.
"""

from __future__ import annotations

from collections import deque

from pilotage.model.json import JsonObject, list_at, number_at
from pilotage.model.observation import Observation, Remedy, Verdict, VerdictKind
from pilotage.model.quantity import format_duration, format_share

METRIC = "success_rate"


class SuccessBook:
    """limit: share of requests that must succeed · window: seconds that count · least: requests without which nothing
    is said."""

    def __init__(self, limit: float, window: float, least: float) -> None:
        self._limit, self._window, self._least = limit, window, least
        self._counted: deque[tuple[float, int, int]] = deque()

    def record(self, seen: Observation, at: float) -> None:
        """at: of the reading, Unix seconds."""
        ours = seen.synthetic
        requests = seen.requests + (ours.requests if ours else 0)
        if requests:
            self._counted.append((at, requests, seen.errors + (ours.errors if ours else 0)))
        while self._counted and self._counted[0][0] <= at - self._window:
            self._counted.popleft()

    def forget(self) -> None:
        self._counted.clear()

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict; none while there are too few requests."""
        requests, errors = sum(one[1] for one in self._counted), sum(one[2] for one in self._counted)
        if requests < self._least or not requests:
            return ()
        rate = 1 - errors / requests
        span, limit = format_duration(self._window), format_share(self._limit)
        shown = f"{rate:.2%}"
        sentence = f"{shown} of {requests:,} requests in {span} succeeded, the limit is {limit}"
        if rate < self._limit:
            return (Verdict(METRIC, VerdictKind.FAIL, sentence, samples=requests, canary=shown, asks=Remedy.PAUSE),)
        return (Verdict(METRIC, VerdictKind.PASS, sentence, samples=requests, canary=shown),)

    def to_dict(self) -> JsonObject:
        return {"counted": [list(one) for one in self._counted]} if self._counted else {}

    def restore(self, saved: JsonObject) -> None:
        """Raises WrongJson."""
        rows = list_at(saved, "counted")
        self._counted = deque((number_at(row, 0), int(number_at(row, 1)), int(number_at(row, 2))) for row in rows)
