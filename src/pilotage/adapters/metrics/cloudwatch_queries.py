"""Questions to CloudWatch: metric math, such as `SEARCH(…)`, and queries of Metrics Insights."""

from __future__ import annotations

import time
from collections.abc import Callable

from pilotage.adapters.aws import Access, Aws
from pilotage.adapters.metrics.cloudwatch import results_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, find, list_at, number_at


class CloudWatchQueries:
    """The Queries port. period: seconds that a value covers · window: seconds to look back for the newest one."""

    def __init__(self, access: Access, *, period: int, window: float, now: Callable[[], float] = time.time) -> None:
        self._aws, self._period, self._window, self._now = Aws(access), period, window, now

    def query(self, text: str) -> tuple[float, ...]:
        """The newest value of every series of the answer; a series without a value in the window is left out."""
        now = int(self._now())
        arguments: dict[str, Json] = {
            "MetricDataQueries": [{"Id": "q", "Expression": text, "Period": self._period}],
            "StartTime": now - int(max(self._window, self._period)),
            "EndTime": now,
            "ScanBy": "TimestampDescending",
        }
        found = []
        try:
            for result in results_of(self._aws, arguments):
                if messages := find(result, "Messages"):
                    raise AdapterError(f"CloudWatch rejected the query: {str(find(messages, 0, 'Value'))[:200]}")
                if list_at(result, "Values"):
                    found.append(float(number_at(result, "Values", 0)))
        except (ValueError, OverflowError) as error:
            raise AdapterError(f"CloudWatch did not return series: {error}") from None
        return tuple(found)
