"""Asks for the version of the store in the name of all requests that wait for it.

An answer counts only for requests that came before the question was asked: what somebody changed before a request shows
in it. So whoever comes while it is being asked gets the next answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from anyio import CapacityLimiter

from pilotage.engine.records.version import Version


@dataclass
class VersionNow:
    """For requests of one event loop. read: asks the store, in a thread."""

    read: Callable[[], Version]
    _waiting: list[asyncio.Future[Version]] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    async def get(self) -> Version:
        """As of now or later. Raises what reading raises."""
        mine: asyncio.Future[Version] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer())
        return await mine

    async def _answer(self) -> None:
        limiter = CapacityLimiter(1)
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                version = await anyio.to_thread.run_sync(self.read, limiter=limiter)
            except Exception as error:
                for one in waiting:
                    if not one.done():
                        one.set_exception(error)
                continue
            for one in waiting:
                if not one.done():
                    one.set_result(version)
