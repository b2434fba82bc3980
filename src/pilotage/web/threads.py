"""In whose threads a request is carried out, so that no crowd of requests keeps others waiting.

Python's web servers share one pool of threads. A reader who asks for forty slow answers at once, or forty changes that
wait for their turn, would have all of them: nobody could abort, and whoever watches the server would take it for dead.
So each pace has threads of its own, and nobody has more than some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

import anyio
from anyio import CapacityLimiter
from starlette.requests import Request

from pilotage.model.errors import Unavailable
from pilotage.web.client import client_of
from pilotage.web.route import Pace, Route

if TYPE_CHECKING:
    from pilotage.model.access import Identity

_PATIENCE = 20.0
"""Seconds that a sign-in waits for its turn."""
_LINE = 50
"""Sign-ins of one address that wait."""

T = TypeVar("T")


class CrowdedOut(Unavailable):
    """More people sign in at this moment than the server lets in."""


@dataclass(frozen=True, kw_only=True)
class _Room:
    """threads: of all · each: requests of one identity or address that are carried out at once; more wait in the order
    in which they came."""

    threads: int
    each: int


_READS = _Room(threads=40, each=10)
_ROOMS = {
    Pace.USUAL: _Room(threads=24, each=10), Pace.URGENT: _Room(threads=24, each=6),
    Pace.BACK: _Room(threads=16, each=4), Pace.WATCH: _Room(threads=8, each=8), Pace.SIGN_IN: _Room(threads=4, each=2),
}  # fmt: skip


class Threads:
    """Those of one server."""

    def __init__(self) -> None:
        self._reads = CapacityLimiter(_READS.threads)
        self._of_pace = {pace: CapacityLimiter(room.threads) for pace, room in _ROOMS.items()}
        self._each: WeakValueDictionary[tuple[object, str], CapacityLimiter] = WeakValueDictionary()

    async def run(self, route: Route, request: Request, function: Callable[[], T]) -> T:
        """For who sent the request, before anybody looks whether it is true. Raises CrowdedOut."""
        if route.pace is Pace.SIGN_IN:
            return await self._in_time(client_of(request), function)
        pace = Pace.URGENT if route.pace is Pace.BACK else route.pace
        if pace is Pace.USUAL and not route.changes:
            return await self._within(_READS, self._reads, _whose(request), function)
        return await self._within(_ROOMS[pace], self._of_pace[pace], _whose(request), function)

    async def run_for(self, route: Route, who: Identity | None, request: Request, function: Callable[[], T]) -> T:
        """What an urgent request does, when it is known who asks: whatever tokens and browsers they have."""
        whose = f"{who.kind}:{who.name}" if who is not None else client_of(request)
        return await self._within(_ROOMS[route.pace], self._of_pace[route.pace], f"known {whose}", function)

    async def _in_time(self, address: str, function: Callable[[], T]) -> T:
        mine, threads = self._of(_ROOMS[Pace.SIGN_IN], address), self._of_pace[Pace.SIGN_IN]
        if mine.statistics().tasks_waiting < _LINE:
            with anyio.move_on_after(_PATIENCE) as turn:
                async with mine, threads:
                    turn.deadline = float("inf")
                    return await anyio.to_thread.run_sync(function, limiter=CapacityLimiter(1))
        raise CrowdedOut("too many people sign in at this moment", cure="try again in some seconds")

    async def _within(self, room: _Room, threads: CapacityLimiter, whose: str, function: Callable[[], T]) -> T:
        async with self._of(room, whose):
            return await anyio.to_thread.run_sync(function, limiter=threads)

    def _of(self, room: _Room, whose: str) -> CapacityLimiter:
        found = self._each.get((room, whose))
        if found is None:
            found = self._each[room, whose] = CapacityLimiter(room.each)
        return found


def _whose(request: Request) -> str:
    """By what they send to say who they are."""
    return request.headers.get("authorization") or request.headers.get("cookie") or client_of(request)
