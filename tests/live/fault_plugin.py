"""A plugin of Datasette that makes a release bad, as `fault.json` beside it says. It runs in Datasette's environment.

Health checks never fail: what is ill here looks well to whoever asks only for `/-/versions.json`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("datasette")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_PLACE = Path(__file__).parent
_ROWS = "/library/book/"
_PAGES = "/library/"
_SEEN_BEFORE_ILL = 10
"""Requests of users that an instance serves before it may fall ill: it is not its start that makes it ill."""


class Faulty:
    """fault: `kind`, and what the kind needs: `share` of requests, `seconds`, `bytes` a request."""

    def __init__(self, app: App, fault: dict[str, Any]) -> None:
        self._app, self._fault = app, fault
        self._chance = random.Random()
        self._leaked: list[bytes] = []
        self._seen, self._ill_until = 0, 0.0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif status := self._failure(path):
            await _answer(send, status)
        elif self._fault["kind"] == "slow":
            await self._app(scope, receive, self._late(send, time.monotonic()))
        else:
            await self._app(scope, receive, send)

    def _failure(self, path: str) -> int:
        """The status of the failure, or 0 to serve the request."""
        match self._fault["kind"]:
            case "404" if path.startswith(_ROWS):
                return 404
            case "500" if path.startswith(_ROWS) and self._chance.random() < self._fault["share"]:
                return 500
            case "leak" if path.startswith(_PAGES):
                self._leaked.append(b"x" * self._fault["bytes"])
            case "ill" if path.startswith(_PAGES) and self._is_ill():
                return 500 if self._chance.random() < self._fault["share"] else 0
        return 0

    def _is_ill(self) -> bool:
        """The first instance that has served a few users falls ill, once: its successor is well."""
        self._seen += 1
        if self._seen == _SEEN_BEFORE_ILL:
            try:
                os.close(os.open(_PLACE / "ill", os.O_CREAT | os.O_EXCL))
                self._ill_until = time.monotonic() + self._fault["seconds"]
            except FileExistsError:
                pass
        return time.monotonic() < self._ill_until

    def _late(self, send: Send, began: float) -> Send:
        async def later(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = time.monotonic() - began
                await asyncio.sleep(max(self._fault["seconds"], self._fault["share"] * took))
            await send(message)

        return later


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"a fault of the trial"})


@hookimpl
def asgi_wrapper() -> Callable[[App], App]:
    fault = json.loads((_PLACE / "fault.json").read_text())
    return lambda app: Faulty(app, fault)
