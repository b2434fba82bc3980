"""A Datadog by its published OpenAPI (`GET /api/v1/query`, `GET /api/v1/validate`): checks keys, scope and parameters.

A series has a point for each interval; the last one is still being filled. It throttles as Datadog does: 429 with
X-RateLimit-Reset, the seconds until the period ends.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .receivers import Answer, Receiver

API_KEY, APPLICATION_KEY, NARROW_KEY = "a" * 32, "b" * 40, "c" * 40
"""The last one has no scope."""
INTERVAL = 20
_QUERY = re.compile(
    r"(?:avg|sum|min|max|count|p95):[a-z][\w.]*\{[^{}]*\}(?: by \{[\w,]+\})?(?:\.as_(?:rate|count)\(\))?"
)
_LIMITS = {"X-RateLimit-Limit": "1600", "X-RateLimit-Period": "3600", "X-RateLimit-Name": "metric_query"}


class Datadog(Receiver):
    """figures: of each query, by its text: the values of its series · age: how many seconds before now the last
    complete point of a query's series ended · throttled: how many more requests to turn away, and for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: dict[str, list[float]] = {}
        self.age: dict[str, float] = {}
        self.throttled, self.reset, self.hangs = 0, 7, False
        self.last_of_period = False

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        given = {name.lower(): value for name, value in headers.items()}
        parts = urlsplit(path)
        if self.hangs:
            time.sleep(30)
        if headers[":method"] != "GET" or body:
            return _said(405, {"errors": ["Method Not Allowed"]})
        if given.get("dd-api-key") != API_KEY:
            return _said(403, {"errors": ["Forbidden"]})
        if parts.path == "/api/v1/validate":
            return _said(200, {"valid": True})
        if parts.path != "/api/v1/query":
            return _said(404, {"errors": ["Not found"]})
        if given.get("dd-application-key") != APPLICATION_KEY:
            return _said(403, {"errors": ["Forbidden", "Failed permission authorization checks"]})
        if self.throttled:
            self.throttled -= 1
            return _said(429, {"errors": ["Rate limit exceeded"]}, remaining=0, reset=self.reset)
        return self._answered({name: one[0] for name, one in parse_qs(parts.query).items()})

    def _answered(self, asked: dict[str, str]) -> Answer:
        if set(asked) != {"from", "to", "query"} or not (asked["from"].isdigit() and asked["to"].isdigit()):
            return _said(400, {"errors": ["from, to and query are required"]})
        begin, end, text = int(asked["from"]), int(asked["to"]), asked["query"]
        if not 0 < end - begin <= 31 * 86400 or abs(end - time.time()) > 7200:
            return _said(400, {"errors": ["invalid time range"]})
        if not _QUERY.fullmatch(text):
            return _said(
                400, {"errors": [f"Error parsing query: unable to parse {text}: Rule 'scope_expr' didn't match"]}
            )
        self.got.append(asked)
        found = [
            _series(text, n, value, begin, end, self.age.get(text, 0.0))
            for n, value in enumerate(self.figures.get(text, ()))
        ]
        content = {
            "status": "ok", "res_type": "time_series", "resp_version": 1, "query": text, "from_date": begin * 1000,
            "to_date": end * 1000, "series": found, "values": [], "times": [], "message": "", "group_by": [],
        }  # fmt: skip
        return _said(200, content, remaining=0 if self.last_of_period else 1500, reset=self.reset)


def _series(text: str, number: int, value: float, begin: int, end: int, age: float) -> dict[str, Any]:
    """Complete points, and one that is not: far from them, as a bucket that has just begun is. No point at all for the
    last `age` seconds."""
    first, last = begin // INTERVAL * INTERVAL, (end - age) // INTERVAL * INTERVAL
    points: list[list[float | None]] = []
    at = float(first)
    while at < last:
        points.append([at * 1000, value])
        at += INTERVAL
    if age:
        points.append([at * 1000 + INTERVAL * 1000, None])
    else:
        points.append([last * 1000, value / 100])
    return {
        "unit": [None, None], "query_index": 0, "aggr": "avg", "metric": text.split(":")[1].split("{")[0],
        "tag_set": [],
        "expression": text, "scope": f"version:{number}", "interval": INTERVAL, "length": len(points),
        "start": first * 1000, "end": end * 1000 - 1, "pointlist": points, "display_name": "x", "attributes": {},
    }  # fmt: skip


def _said(status: int, content: dict[str, Any], *, remaining: int = 1500, reset: int = 7) -> Answer:
    limits = {**_LIMITS, "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": str(reset)}
    return status, {"Content-Type": "application/json", **limits}, json.dumps(content).encode()
