"""Counts requests by route, method and status, and how long each took; also who follows the event stream now."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilotage.app.request_log import log_request
from pilotage.model.series import Buckets, Family, Labels, Sample, histogram
from pilotage.web.request_id import CURRENT

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNMATCHED = "unmatched"
"""The route of what no route takes: paths of strangers would make series without end."""


@dataclass(kw_only=True)
class Traffic:
    """Of one server. streams: clients of the event stream now · under_way: other requests now."""

    streams: int = 0
    under_way: int = 0
    _requests: dict[tuple[str, str, int], int] = field(default_factory=dict)
    _times: dict[tuple[str, str], tuple[list[int], float]] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def count(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """seconds: None for a stream, which lasts as long as somebody listens."""
        with self._turn:
            self._requests[route, method, status] = self._requests.get((route, method, status), 0) + 1
            if seconds is not None:
                counts, total = self._times.get((route, method), ([0] * (len(_BOUNDS) + 1), 0.0))
                counts[bisect.bisect_left(_BOUNDS, seconds)] += 1
                self._times[route, method] = (counts, total + seconds)

    def families(self) -> Iterator[Family]:
        with self._turn:
            requests = dict(self._requests)
            times: dict[Labels, Buckets] = {
                (("route", route), ("method", method)): Buckets(bounds=_BOUNDS, counts=tuple(counts), total=total)
                for (route, method), (counts, total) in self._times.items()
            }
        yield Family(
            name="pilotage_http_requests_total", kind="counter", about="Requests that were answered.",
            samples=tuple(
                Sample(value=float(count), labels={"route": route, "method": method, "status": str(status)})
                for (route, method, status), count in sorted(requests.items())
            ),
        )  # fmt: skip
        yield histogram("pilotage_http_request_duration_seconds", "Time to answer a request.", times)
        yield _gauge("pilotage_http_requests_in_progress", "Requests that are being answered.", self.under_way)
        yield _gauge("pilotage_event_stream_clients", "Clients that follow the event stream.", self.streams)


def _gauge(name: str, about: str, value: int) -> Family:
    return Family(name=name, kind="gauge", about=about, samples=(Sample(value=float(value)),))


class Measured:
    """routes: the path of each endpoint, as the table has it."""

    def __init__(self, inner: ASGIApp, traffic: Traffic, routes: Mapping[Callable[..., object], str]) -> None:
        self._inner, self._traffic, self._routes = inner, traffic, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began, status, streams, traffic = time.perf_counter(), 500, False, self._traffic

        async def watched(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = int(message["status"])
                if Headers(scope=message).get("content-type", "").startswith("text/event-stream"):
                    streams = True
                    traffic.under_way -= 1
                    traffic.streams += 1
            await send(message)

        traffic.under_way += 1
        try:
            await self._inner(scope, receive, watched)
        finally:
            if streams:
                traffic.streams -= 1
            else:
                traffic.under_way -= 1
            route = self._routes.get(scope.get("endpoint", self), _UNMATCHED)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            took = time.perf_counter() - began
            traffic.count(route, method, status, None if streams else took)
            actor = str(scope.get("state", {}).get("actor", ""))
            log_request(method, route, status, took, actor, CURRENT.get())
