"""In whose threads a request is carried out, so that no crowd of requests keeps others waiting.

Python's web servers share one pool of threads. A reader who asks for forty slow answers at once, or forty changes that
wait for their turn, would have all of them: nobody could abort, and whoever watches the server would take it for dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

import anyio
from anyio import CapacityLimiter
from starlette.requests import Request

if TYPE_CHECKING:
    from pilotage.web.route import Route

_URGENT = frozenset({"abort", "rollback", "kill", "reject", "pause", "confirm"})
"""How paths end that take users off a version, or show the form for it."""
_WATCHED = frozenset({"healthz", "readyz"})
_OF_ONE = 10
"""Requests of one identity that are carried out at once; more wait in the order in which they came."""

T = TypeVar("T")


class Threads:
    """Those of one server."""

    def __init__(self) -> None:
        self._urgent, self._changes, self._reads = CapacityLimiter(24), CapacityLimiter(24), CapacityLimiter(40)
        self._each: WeakValueDictionary[str, CapacityLimiter] = WeakValueDictionary()

    async def run(self, route: Route, request: Request, function: Callable[[], T]) -> T:
        if _urgent(route):
            return await anyio.to_thread.run_sync(function, limiter=self._urgent)
        shared = self._changes if route.changes else self._reads
        async with self._of(_whose(request)):
            return await anyio.to_thread.run_sync(function, limiter=shared)

    def _of(self, whose: str) -> CapacityLimiter:
        found = self._each.get(whose)
        if found is None:
            found = self._each[whose] = CapacityLimiter(_OF_ONE)
        return found


def _urgent(route: Route) -> bool:
    return route.path.rpartition("/")[2] in _URGENT | _WATCHED


def _whose(request: Request) -> str:
    """By what they send to say who they are, before anybody looks whether it is true."""
    named = request.headers.get("authorization") or request.headers.get("cookie")
    return named or (request.client.host if request.client else "")
