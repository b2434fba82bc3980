"""Queries to Datadog's metrics: `GET /api/v1/query` (https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points).

A series has a point for every interval. The last one is still being filled, so the last complete one counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlencode

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries.asking import MOST_VALUES, Asking, check_age
from pilotage.model.finding import Finding
from pilotage.model.json import Json, JsonObject, find, list_at, number_at, object_at, optional
from pilotage.model.text import line

_WINDOW = 900
"""Seconds before the oldest figure that counts: within an hour Datadog keeps its finest intervals."""
REFUSED = "the application key needs the scope timeseries_query, and both keys must be of this site"


class DatadogQueries:
    """The Queries port. base: such as https://api.datadoghq.eu · max_age, delay: seconds."""

    def __init__(self, asking: Asking, base: str, *, max_age: float, delay: float) -> None:
        self._asking, self._base = asking, base.rstrip("/")
        self._max_age, self._delay = max_age, delay

    def query(self, text: str) -> tuple[float, ...]:
        """The last complete point of every series. Raises AdapterError, also where that point is too old."""
        now = time.time()
        end = now - self._delay
        asked = {"from": int(end - self._max_age - _WINDOW), "to": int(end), "query": text}
        answer = self._asking.json("GET", f"{self._base}/api/v1/query?{urlencode(asked)}")
        try:
            if (status := find(answer, "status")) != "ok":
                raise AdapterError(f"Datadog rejected the query: {line(str(find(answer, 'error') or status), 200)}")
            found = [object_at(one) for one in list_at(answer, "series")[:MOST_VALUES]]
            newest = [one for series in found if (one := _last_complete(series, end)) is not None]
        except (ValueError, OverflowError):
            raise AdapterError("Datadog did not return series") from None
        if newest:
            check_age("Datadog", max(at for at, _ in newest), self._max_age + self._delay, now)
        return tuple(value for at, value in newest if now - at <= self._max_age + self._delay)

    def examine(self) -> Iterator[Finding]:
        """What `doctor` says."""
        try:
            valid = self._asking.json("GET", f"{self._base}/api/v1/validate")
            if find(valid, "valid") is not True:
                raise AdapterError("Datadog does not accept the API key")
            self.query("avg:datadog.agent.running{*}")
        except AdapterError as error:
            yield Finding("FAIL", "queries", f"{error}: correct the keys, the site or the network")
        else:
            yield Finding("PASS", "queries", f"Datadog answers at {self._base}, with the scope timeseries_query")


def _last_complete(series: JsonObject, end: float) -> tuple[float, float] | None:
    """Unix seconds at its end, and value; None without any. Raises WrongJson."""
    interval = optional(number_at, series, "interval") or 0
    for point in reversed(list_at(series, "pointlist")):
        at: float = number_at(point, 0) / 1000 + interval
        value: Json = find(point, 1)
        if value is not None and at <= end:
            return at, float(number_at(point, 1))
    return None
