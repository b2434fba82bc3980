"""Instant queries to a Prometheus, or to anything that speaks its HTTP API (/api/v1/query)."""

from __future__ import annotations

from urllib.parse import urlencode

from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import find, list_at, object_at, text_at


class PrometheusQueries:
    """The Queries port. base: such as http://127.0.0.1:9090."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    def query(self, text: str) -> tuple[float, ...]:
        """The value of every series of the answer, in its order; empty where no series matches.

        Raises AdapterError when it does not answer, refuses the query, or answers with something else.
        """
        answer = get_json(f"{self._base}/api/v1/query?{urlencode({'query': text})}", timeout=5.0)
        try:
            if text_at(answer, "status") != "success":
                raise AdapterError(f"{self._base} rejected the query: {find(answer, 'error')}")
            data = object_at(answer, "data")
            if data.get("resultType") == "scalar":
                return (float(text_at(data, "result", 1)),)
            return tuple(float(text_at(series, "value", 1)) for series in list_at(data, "result"))
        except ValueError:
            raise AdapterError(f"{self._base} did not return a vector") from None
