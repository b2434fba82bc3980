"""How many requests a minute an identity, or an address without one, may send to one server."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

from pilotage.web.problem import Refused

_REMEMBERED = 10_000
"""Identities and addresses; those that were silent longest are forgotten first."""


class TooMany(Refused):
    """This identity or address sends more requests than the server answers."""

    exit_status, http_status = 9, 429

    def __init__(self, what: str, headers: Mapping[str, str]) -> None:
        super().__init__(what)
        self._headers = headers

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers


@dataclass
class _Bucket:
    """left: requests that may come at once · at: when that was so."""

    left: float
    at: float


@dataclass
class Limits:
    """minute, anonymous, public: requests of an identity, of an address without a valid one, and of an address to what
    is open to everybody · streams, streams_of_address: event streams at a time; 0 for any number."""

    minute: int = 1200
    anonymous: int = 240
    public: int = 1200
    streams: int = 24
    streams_of_address: int = 400
    now: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def take(self, who: str, *, known: bool) -> Mapping[str, str]:
        """Count a request; the headers that tell how many more may come. Raises TooMany."""
        return self._take(who, self.minute if known else self.anonymous)

    def take_public(self, address: str) -> Mapping[str, str]:
        """The same for a route that proves its sender itself. Raises TooMany."""
        return self._take(f"public {address}", self.public)

    def _take(self, who: str, most: int) -> Mapping[str, str]:
        if not most:
            return {}
        with self._turn:
            bucket = self._bucket(who, most)
            allowed = bucket.left >= 1
            bucket.left -= allowed
            left, wait = bucket.left, ceil((1 - bucket.left) * 60 / most) if bucket.left < 1 else 0
        full = ceil((most - left) * 60 / most)
        told = {"RateLimit-Limit": str(most), "RateLimit-Remaining": str(int(left)), "RateLimit-Reset": str(full)}
        if not allowed:
            said = f"more than {most} requests a minute; wait {max(wait, 1)} s"
            raise TooMany(said, {**told, "Retry-After": str(max(wait, 1))})
        return told

    def _bucket(self, who: str, most: int) -> _Bucket:
        now = self.now()
        found = self._buckets.setdefault(who, _Bucket(float(most), now))
        found.left, found.at = min(float(most), found.left + (now - found.at) * most / 60), now
        self._buckets.move_to_end(who)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return found
