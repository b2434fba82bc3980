"""Instant queries to a Prometheus, or to anything that speaks its HTTP API (/api/v1/query)."""

from __future__ import annotations

from urllib.parse import urlencode

from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError


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
            if answer["status"] != "success":
                raise AdapterError(f"{self._base} refuses the query: {answer.get('error')}")
            data = answer["data"]
            if data["resultType"] == "scalar":
                return (float(data["result"][1]),)
            return tuple(float(series["value"][1]) for series in data["result"])
        except (KeyError, TypeError, ValueError, IndexError):
            raise AdapterError(f"{self._base} answers the query with something that is no vector") from None
