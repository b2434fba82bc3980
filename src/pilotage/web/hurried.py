"""HTTP/1.1 as uvicorn speaks it, for clients that send what they ask soon: whoever holds connections without asking
would keep all others out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pilotage.model.client_address import network_of

OF_ONE = 600
"""Connections that one client has at the same time."""
PATIENCE = 20.0
"""Seconds within which a connection brings a request's whole head."""


class Hurried(H11Protocol):
    """Closes a connection whose next request begins too slowly, or never. A body has its own patience (`reading.py`)
    and an idle connection after an answer uvicorn's."""

    trusted: ClassVar[frozenset[str]] = frozenset()
    """Proxies: many clients come from them."""
    _open: ClassVar[Counter[str]] = Counter()
    _hurry: asyncio.TimerHandle | None = None
    _counted = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._wait()
        if self._is_one_too_many():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._relax()
        elif self._hurry is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        if self._counted:
            self._open[self._counted] -= 1
            if not self._open[self._counted]:
                del self._open[self._counted]
        super().connection_lost(exc)

    def _is_one_too_many(self) -> bool:
        address = self.client[0] if self.client else ""
        if not address or address in self.trusted or self._is_local(address):
            return False
        client = network_of(address)
        if self._open[client] >= OF_ONE:
            return True
        self._counted = client
        self._open[client] += 1
        return False

    @staticmethod
    def _is_local(address: str) -> bool:
        """From this machine come all whom a proxy sends that nobody named with --proxy."""
        return address.startswith(("127.", "::1"))

    def _wait(self) -> None:
        self._hurry = self.loop.call_later(PATIENCE, self._give_up)

    def _relax(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _give_up(self) -> None:
        self._hurry = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


def hurried(proxies: Iterable[str]) -> type[Hurried]:
    """For a server behind these proxies."""
    return type("HurriedBehind", (Hurried,), {"trusted": frozenset(proxies)})
