"""R34: followers that come back all at once hear what they missed, and read it from the store once for all of them."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from sqlalchemy import event

from pilotage.engine.records import feed
from pilotage.engine.records.feed import Fed, Feed
from pilotage.model.live import LiveView
from pilotage.model.rollout import Decision, Event
from pilotage.web import catching_up
from pilotage.web.catching_up import READERS, CatchingUp
from tests.web.site import Served
from tests.web.sse import following


def test_r34_of_many_who_come_back_few_read_the_store(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (feed, catching_up):
        monkeypatch.setattr(module, "AT_ONCE", 50)
    server.person("ada", "viewer")
    rollout, ada = server.rollout(), server.with_token("ada", "viewer")
    with following(ada) as stream:
        last = int(stream.until("ready")[-1].id)
    told = tuple(Event("check-failed", f"word {number}", {}) for number in range(250))
    server.store.record(rollout, Decision(rollout.state, (), told), None, LiveView())
    with following(ada, **{"Last-Event-ID": str(last)}) as stream:
        while stream.until("rollout")[-1].id != str(last + 250):
            pass

    asked = list[str]()
    listen = lambda *given: asked.append(given[2])  # noqa: E731
    event.listen(server.store.engine, "before_cursor_execute", listen)

    def heard(number: int) -> list[int]:
        with following(ada, **{"Last-Event-ID": str(last + number)}) as back:
            return [int(one.id) for one in back.until("ready")[:-1]]

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(heard, range(12)))
    assert found == [list(range(last + number + 1, last + 251)) for number in range(12)]
    assert len([one for one in asked if "FROM feed" in one and "LIMIT" in one]) <= 6 * READERS


@dataclass
class Slow(Feed):
    """Counts who reads at the same time."""

    now: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def after(self, position: int) -> tuple[Fed, ...]:
        del position
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.005)
        with self._lock:
            self.now -= 1
        return ()


def test_r34_those_who_catch_up_leave_the_connections_to_others() -> None:
    async def all_at_once() -> int:
        past = CatchingUp(slow := Slow())
        assert await asyncio.gather(*(past.after(number * 1000) for number in range(30))) == [[]] * 30
        return slow.most

    assert asyncio.run(all_at_once()) == READERS
